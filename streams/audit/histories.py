"""The histories of an order, an account, a market, page by page, as the store has them."""

from heapq import merge
from itertools import chain, islice
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from domain.account import AccountPosted
from domain.ids import account_stream, market_stream, order_id, shard_of
from domain.order import OrderFilled, OrderPlaced, OrderRejected
from streams.audit import index
from streams.audit.states import AccountTerms, MarketState, OrderState, balances_around
from streams.audit.steps import PostingView, State, Step, posting_view, postings_in, step
from streams.audit.store import TERMS_MAX, NotThereError, Store
from streams.audit.units import Units
from streams.codec import RecordedEvent

PAGE_DEFAULT = 100

Cursor = Annotated[
    str | None,
    Meta(examples=["0:120"], description="Asks for the page after this one; `null`: this was the last."),
]


class OrderHistory(msgspec.Struct, frozen=True):
    """``state``: the order as the last step of this page leaves it."""

    order_id: str
    account: str
    client_order_id: str
    symbol: str
    side: str
    order_type: str
    steps: list[Step]
    state: State | None
    next_cursor: Cursor


class AccountHistory(msgspec.Struct, frozen=True):
    """``terms``: status, group, fees and limits after the last step of this page."""

    account: str
    steps: list[Step]
    terms: State
    next_cursor: Cursor


class MarketHistory(msgspec.Struct, frozen=True):
    """``state``: status and rules after the last step of this page."""

    symbol: str
    steps: list[Step]
    state: State
    next_cursor: Cursor


class StreamHistory(msgspec.Struct, frozen=True):
    """The events of any aggregate, as they are: of a transfer, an order list."""

    stream: str
    steps: list[Step]
    next_cursor: Cursor


class CursorError(ValueError):
    """A cursor that no page of that history gave out."""


def read_cursor(cursor: str | None) -> dict[int, int]:
    """Return the number after which each shard's steps follow, by shard. Raises ``CursorError``."""
    try:
        pairs = [part.split(":") for part in cursor.split(",")] if cursor else []
        return {int(shard): int(number) for shard, number in pairs}
    except ValueError:
        raise CursorError(f"{cursor!r} is no cursor such as '0:120'") from None


def write_cursor(places: dict[int, int]) -> str:
    return ",".join(f"{shard}:{number}" for shard, number in sorted(places.items()))


# --- Orders ---------------------------------------------------------------------------------------------


def resolve_order(store: Store, named: str, account: str | None) -> tuple[int, str]:
    """Return (shard, id) of an order that is named by its id, or with its ``account`` by the client's own id.

    Raises ``NotThereError``.
    """
    shards = store.shards()
    if account is not None:
        for shard in shards:
            candidate = order_id(shard, account, named)
            if store.stream(shard, candidate, 0, 1):
                return shard, candidate
        raise NotThereError(f"account {account} has no order {named!r}")
    try:
        shard = shard_of(named)
    except ValueError as error:
        raise NotThereError(f"{error}; an order's own client id needs its account beside it") from None
    return shard, named


class Around(NamedTuple):
    """An event, and the state before and after it."""

    recorded: RecordedEvent
    before: State | None
    after: State | None

    @property
    def cause(self) -> tuple[int, str]:
        """What the events of one command have in common, and no others."""
        return self.recorded.occurred_at_us, self.recorded.causation_id


def order_history(
    store: Store, shard: int, order: str, after: int = 0, steps_max: int = PAGE_DEFAULT
) -> OrderHistory:
    """Return the steps of an order after version ``after``. Raises ``NotThereError``."""
    events = list(islice(store.whole_stream(shard, order), after + steps_max + 1))
    first = events[0].event if events else None
    if not isinstance(first, OrderPlaced | OrderRejected):
        raise NotThereError(f"there is no order {order!r}")
    units = store.units_of(shard, first.symbol)
    walked = _walk(shard, events, units)
    page = walked[after : after + steps_max]
    return OrderHistory(
        order_id=order,
        account=first.account,
        client_order_id=first.client_order_id,
        symbol=first.symbol,
        side=first.side if isinstance(first, OrderPlaced) else first.request.side,
        order_type=first.order_type if isinstance(first, OrderPlaced) else first.request.order_type,
        steps=[
            _order_step(store, shard, units, around, following)
            for around, following in zip(page, [*walked[after + 1 :], None], strict=False)
        ],
        state=page[-1].after if page else None,
        next_cursor=write_cursor({shard: after + steps_max}) if len(events) > after + steps_max else None,
    )


def _walk(shard: int, events: list[RecordedEvent], units: Units) -> list[Around]:
    state, walked = OrderState(shard), []
    for recorded in events:
        before = state.shown(units)
        state.take(recorded)
        walked.append(Around(recorded, before, state.shown(units)))
    return walked


def _order_step(store: Store, shard: int, units: Units, around: Around, following: Around | None) -> Step:
    """The postings stand with the last event of their command."""
    postings: list[PostingView] = []
    if following is None or following.cause != around.cause:
        postings = _order_postings(store, shard, units, around.recorded)
    return step(around.recorded, shard, units, before=around.before, after=around.after, postings=postings)


def _order_postings(store: Store, shard: int, units: Units, recorded: RecordedEvent) -> list[PostingView]:
    """Return what the event's command moved for its order."""
    event: Any = recorded.event
    commit = store.commit_of(shard, recorded.seq)
    events = store.of_stream_in(commit, account_stream(shard, event.account))
    own = postings_in(events, recorded.causation_id)
    return [posting_view(each, units) for each in own if each.order_id == event.order_id]


# --- Accounts -------------------------------------------------------------------------------------------


def account_history(
    store: Store, account: str, cursor: str | None = None, steps_max: int = PAGE_DEFAULT
) -> AccountHistory:
    """Return the steps of an account after ``cursor``, those of all shards by time.

    Raises ``NotThereError``, ``CursorError``.
    """
    places = read_cursor(cursor)
    shards = [shard for shard in store.shards() if store.stream(shard, account_stream(shard, account), 0, 1)]
    if not shards:
        raise NotThereError(f"there is no account {account!r}")
    units = store.units()
    pages = [_of_shard(store, shard, account, places.get(shard, 0), steps_max + 1) for shard in shards]
    events = list(merge(*pages, key=lambda each: (each[1].occurred_at_us, each[0], each[1].seq)))
    page = events[:steps_max]
    terms = {shard: _terms_at(store, shard, account, places.get(shard, 0), units) for shard in shards}
    steps = [_account_step(shard, recorded, terms[shard], units) for shard, recorded in page]
    reached = places | {shard: recorded.version for shard, recorded in page}
    return AccountHistory(
        account,
        steps,
        terms[page[-1][0] if page else shards[0]].state,
        write_cursor(reached) if len(events) > steps_max else None,
    )


def _of_shard(
    store: Store, shard: int, account: str, after: int, events_max: int
) -> list[tuple[int, RecordedEvent]]:
    events = store.stream(shard, account_stream(shard, account), after, events_max)
    return [(shard, recorded) for recorded in events]


def _terms_at(store: Store, shard: int, account: str, version: int, units: Units) -> AccountTerms:
    """Return the account's terms after ``version``: the index has the few events they follow from."""
    terms = AccountTerms()
    if version:
        stream = account_stream(shard, account)
        for recorded in store.found(index.ACCOUNT, account, most=TERMS_MAX):
            if recorded.stream == stream and recorded.version <= version:
                terms.take(recorded.event, units)
    return terms


def _account_step(shard: int, recorded: RecordedEvent, terms: AccountTerms, units: Units) -> Step:
    event = recorded.event
    if isinstance(event, AccountPosted):
        before, after = balances_around(event, units)
        views = [posting_view(posting, units) for posting in event.postings]
        return step(recorded, shard, units, before=before, after=after, postings=views)
    old = terms.state or None
    terms.take(event, units)
    return step(recorded, shard, units, before=old, after=terms.state)


# --- Markets --------------------------------------------------------------------------------------------


def market_history(
    store: Store,
    symbol: str,
    cursor: str | None = None,
    steps_max: int = PAGE_DEFAULT,
    *,
    with_trades: bool = True,
) -> MarketHistory:
    """Return the steps of a market after ``cursor``: rules, statuses, trades (each by its taker's side),
    busts and corrections. Mark prices are left out: they are very many.

    Raises ``NotThereError``, ``CursorError``.
    """
    shards = store.shards_of_market(symbol)
    if not shards:
        raise NotThereError(f"there is no market {symbol!r}")
    shard = shards[0]
    seq, trade_id = _read_market_cursor(cursor)
    units = store.units_of(shard, symbol)
    own = [
        recorded
        for recorded in store.found(index.MARKET, symbol, most=TERMS_MAX)
        if _is_of(recorded, shard, symbol)
    ]
    trades = _trades_after(store, shard, symbol, trade_id, steps_max + 1) if with_trades else []
    coming = list(merge((each for each in own if each.seq > seq), trades, key=lambda each: each.seq))
    page = coming[:steps_max]
    state = MarketState()
    last_trade = _trades_after(store, shard, symbol, trade_id - 1, 1) if trade_id else []
    for recorded in chain((each for each in own if each.seq <= seq), last_trade):
        state.take(recorded.event, units)
    steps = [_market_step(shard, recorded, state, units) for recorded in page]
    return MarketHistory(
        symbol, steps, state.state, _market_cursor(page, trade_id) if len(coming) > steps_max else None
    )


def _read_market_cursor(cursor: str | None) -> tuple[int, int]:
    """Return the seq and the trade after which a market's steps follow. Raises ``CursorError``."""
    places = read_cursor(cursor) or {0: 0}
    if len(places) > 1:
        raise CursorError(f"{cursor!r} is no cursor of a market's history")
    return next(iter(places.items()))


def _is_of(recorded: RecordedEvent, shard: int, symbol: str) -> bool:
    return recorded.stream == market_stream(shard, symbol)


def _trades_after(
    store: Store, shard: int, symbol: str, trade_id: int, trades_max: int
) -> list[RecordedEvent]:
    """Return the takers' fills of the next trades: they are numbered without gaps."""
    wanted = range(trade_id + 1, trade_id + 1 + trades_max)
    keys = [index.key_of(index.TRADE, symbol, str(number)) for number in wanted]
    events = store.at(shard, store.found_in(shard, keys))
    return [
        recorded
        for recorded in events
        if isinstance(event := recorded.event, OrderFilled)
        and event.symbol == symbol
        and event.trade_id in wanted
    ]


def _market_step(shard: int, recorded: RecordedEvent, state: MarketState, units: Units) -> Step:
    before = state.state or None
    state.take(recorded.event, units)
    return step(recorded, shard, units, before=before, after=state.state)


def _market_cursor(page: list[RecordedEvent], trade_id: int) -> str:
    traded = [each.event.trade_id for each in page if isinstance(each.event, OrderFilled)]
    return write_cursor({page[-1].seq: traded[-1] if traded else trade_id})


# --- All others -------------------------------------------------------------------------------------------


def stream_history(
    store: Store, stream: str, cursor: str | None = None, steps_max: int = PAGE_DEFAULT
) -> StreamHistory:
    """Return the steps of any stream after ``cursor``: who asked for a withdrawal, and who completed it.

    Raises ``NotThereError``, ``CursorError``.
    """
    try:
        shard = shard_of(stream)
    except ValueError as error:
        raise NotThereError(str(error)) from None
    events = store.stream(shard, stream, read_cursor(cursor).get(shard, 0), steps_max + 1)
    if not events and cursor is None:
        raise NotThereError(f"there is no stream {stream!r}")
    units, page = store.units(), events[:steps_max]
    steps = [step(recorded, shard, units) for recorded in page]
    more = len(events) > steps_max
    return StreamHistory(stream, steps, write_cursor({shard: page[-1].version}) if more else None)
