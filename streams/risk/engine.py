"""The engine: from events and prices to findings, from findings to what is on record and sent.

It is given records and prices, and judges each account anew whose events, limits or prices changed. Nothing
is sent that is not on record, and what is on record is sent once (``outbox``). Not thread-safe; no Faust.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pymongo.database import Database

from domain.account import AccountLimits, AccountLimitsSet
from domain.control import AccountStatusChanged, MarketStatusChanged
from domain.numbers import format_units
from domain.positions import day_of
from domain.statuses import STRICTER
from projections.progress import Mark
from projections.projection import Document
from projections.risk import circuit
from projections.risk.account import AccountState
from projections.risk.circuit import CircuitBounds
from projections.risk.figures import Figures, concerned, figures, newest_cause
from projections.risk.orders import ORDER_EVENTS, OrderBounds, OrderWatch
from projections.risk.prices import Bar, Cause, PriceBook
from projections.risk.rules import ANY, Finding, Level, RiskLimits, Use, reached, uses
from projections.risk.value_at_risk import Returns, Tail, returns, tails
from streams.codec import UNREADABLE, RecordedEvent, decode_slice
from streams.projector import DeadLetter, ReadStates, Record
from streams.risk import views
from streams.risk.accounts import Accounts
from streams.risk.catching_up import STALE_US, CatchingUp
from streams.risk.findings import About, Writer
from streams.risk.outbox import ACTOR, Outbox
from streams.risk.price_watch import Seen, take
from streams.risk.records import Decided, Place, Records
from streams.risk.tables import Action
from streams.topics import ACCOUNTS, EXECUTIONS, partition_of
from streams.upcasting import UnknownEventError

log = logging.getLogger(__name__)

DEFAULT = "*"
"""The account whose thresholds hold for all that have none of their own."""


@dataclass(frozen=True)
class EngineBounds:
    """``currency``: in which what an account has is told. ``webhook``: whether alerts are to be sent on."""

    currency: str = "USD"
    webhook: bool = False
    flush_ms: int = 250
    """So long what changed may wait to be written; what was acted on is on record before."""
    sweep_ms: int = 1_000
    """So often value at risk, thresholds and price bars are looked at anew."""
    circuit: CircuitBounds = field(default_factory=CircuitBounds)
    orders: OrderBounds = field(default_factory=OrderBounds)


class Changes(NamedTuple):
    """Documents of accounts, how far these are, and views."""

    states: list[Document]
    marks: list[Mark]
    views: list[Document]


class Engine:
    """``book``: the prices, which nobody else changes. ``now_us``: the clock."""

    def __init__(
        self,
        book: PriceBook,
        records: Records,
        outbox: Outbox,
        database: Database[Document],
        partitions: int,
        read_states: ReadStates,
        bounds: EngineBounds,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self.book = book
        self.records = records
        self.outbox = outbox
        self.database = database
        self.partitions = partitions
        self.bounds = bounds
        self.now_us = now_us
        self.accounts = Accounts(database, partitions, read_states)
        self.watch = OrderWatch(book, bounds.orders)
        self._owned: dict[str, frozenset[int]] = {ACCOUNTS: frozenset(), EXECUTIONS: frozenset()}
        self._open: dict[tuple[str, str], dict[Place, str]] = {}
        self._evaluated: dict[tuple[str, int], int] = {}
        self._thresholds: dict[str, RiskLimits] = {}
        self._thresholds_us = 0
        self._returns: Returns = {}
        self._tails: dict[str, list[Tail]] = {}
        self._moved: dict[str, None] = {}
        self._catching_up = CatchingUp()
        self._views: dict[str, None] = {}

    # --- Beginning ----------------------------------------------------------------------------------------

    def load(self, owned: Mapping[str, Collection[int]]) -> None:
        """Begin anew, with these partitions of each topic: from what is written. What was decided and may not
        have been sent is sent now. Raises ``PyMongoError``, ``SQLAlchemyError``.
        """
        self._owned = {topic: frozenset(owned.get(topic, ())) for topic in (ACCOUNTS, EXECUTIONS)}
        self.accounts.load(self._owned[ACCOUNTS])
        self._open = self.records.open_breaches()
        self._evaluated = self.records.evaluated()
        self._thresholds, self._thresholds_us = self.records.thresholds()
        unsent = [action for action in self.records.unsent() if self._is_ours(action)]
        self._send(self.outbox.missing(unsent), also=unsent)
        self._views = dict.fromkeys(self.accounts.states)
        self._catching_up.begin(self.now_us())

    def _is_ours(self, action: Action) -> bool:
        topic = ACCOUNTS if action.scope == "account" else EXECUTIONS
        return partition_of(action.subject, self.partitions) in self._owned[topic]

    # --- Events in ----------------------------------------------------------------------------------------

    def take_prices(self, waiting: Any) -> None:
        """Take over what the price watch saw, all that waits now."""
        while waiting:
            seen: Seen = waiting.popleft()
            if symbol := take(self.book, seen):
                self._moved[symbol] = None

    def take_accounts(self, records: Sequence[Record]) -> list[DeadLetter]:
        """Fold records of ``accounts``, judge whom they are about, and act. Return what could not be read.

        Raises ``PyMongoError``, ``SQLAlchemyError``, ``psycopg.Error``; then nothing may be
        acknowledged, and doing it again is harmless.
        """
        dead, decided, changed = list[DeadLetter](), Decided(), set[str]()

        def on_event(recorded: RecordedEvent) -> None:
            self._note(decided, recorded)

        for record in records:
            try:
                piece = decode_slice(record.value)
            except UnknownEventError:
                raise
            except UNREADABLE as error:
                dead.append(_dead_letter(ACCOUNTS, record, error))
                continue
            changed |= self.accounts.take(record.partition, piece, on_event)
        for account in changed:
            if self._is_live(account):
                self._judge(decided, account, None)
        self._views.update(dict.fromkeys(changed))
        self._commit(decided)
        return dead

    def take_executions(self, records: Sequence[Record]) -> list[DeadLetter]:
        """Look at the orders in records of ``executions``; the same as ``take_accounts`` otherwise."""
        dead, decided = list[DeadLetter](), Decided()
        for record in records:
            try:
                piece = decode_slice(record.value)
            except UnknownEventError:
                raise
            except UNREADABLE as error:
                dead.append(_dead_letter(EXECUTIONS, record, error))
                continue
            for recorded in piece.events:
                if type(recorded.event) in ORDER_EVENTS:
                    decided.alerts += [
                        self._writer().order_alert(alert, recorded)
                        for alert in self.watch.look(recorded.event)
                    ]
                elif isinstance(recorded.event, MarketStatusChanged):
                    _note_done(decided, recorded)
        self._commit(decided)
        return dead

    def _is_live(self, account: str) -> bool:
        """Whether the account is as it is now; one that is not is judged by the sweep, when all are."""
        newest_us, now_us = max(state.occurred_at_us for state in self.accounts.of(account)), self.now_us()
        self._catching_up.saw(newest_us, now_us)
        return now_us - newest_us < STALE_US or not self._catching_up.going_on(now_us)

    def _note(self, decided: Decided, recorded: RecordedEvent) -> None:
        event = recorded.event
        if isinstance(event, AccountStatusChanged):
            _note_done(decided, recorded)
        elif isinstance(event, AccountLimitsSet):
            limits = [state.limits for state in self.accounts.of(event.account)]
            try:
                decided.pre_trade[event.account] = views.pre_trade_limits(limits, self.book)
            except KeyError as error:  # listed a moment ago; what was asked for is on record as it was asked
                log.warning("%s has a limit on %s, which is not known yet", event.account, error)

    # --- Looking anew -------------------------------------------------------------------------------------

    @property
    def moved(self) -> bool:
        return bool(self._moved)

    def look_at_moves(self) -> None:
        """Judge everybody whom a price that moved concerns, and the markets themselves."""
        moved, self._moved = self._moved, {}
        decided = Decided()
        assets = {self.book.markets[symbol].rules.base_asset for symbol in moved}
        newest = max(
            (self.book.markets[symbol].cause for symbol in moved), key=lambda one: one.occurred_at_us
        )
        late = self._catching_up.going_on(self.now_us())
        for account, by_shard in self.accounts.states.items():
            if not late and any(concerned(state, moved, assets) for state in by_shard.values()):
                self._judge(decided, account, newest)
                self._views[account] = None
        for symbol in moved:
            self._judge_market(decided, symbol)
        self._commit(decided)

    def begin_sweep(self, read: tuple[dict[str, RiskLimits], int]) -> list[str]:
        """Do what is due every second: take over thresholds that were read, look at the past moves of prices
        anew, judge the markets. Return the accounts that are to be judged, some at a time.
        """
        limits, self._thresholds_us = read
        changed = {name for name, each in limits.items() if each != self._thresholds.get(name)}
        self._thresholds.update(limits)
        self._views.update(dict.fromkeys(self.accounts.states if DEFAULT in changed else changed))
        self._returns = returns(self.book, self.bounds.currency)
        decided = Decided()
        for symbol in self.book.markets:
            self._judge_market(decided, symbol)
        self._commit(decided)
        return [] if self._catching_up.going_on(self.now_us()) else list(self.accounts.states)

    def judge_anew(self, accounts: Sequence[str]) -> None:
        decided = Decided()
        for account in accounts:
            if account in self.accounts.states:
                self._judge(decided, account, None, anew=True)
        self._commit(decided)

    def read_thresholds(self) -> tuple[dict[str, RiskLimits], int]:
        """Read those changed lately, and a minute before: clocks differ. From any thread."""
        return self.records.thresholds(max(0, self._thresholds_us - 60_000_000))

    def take_bars(self) -> dict[str, list[Bar]]:
        """Return the last two bars of the markets whose events this worker has, to be kept."""
        owned = self._owned[EXECUTIONS]
        return {
            symbol: list(market.bars)[-2:]
            for symbol, market in self.book.markets.items()
            if market.bars and partition_of(symbol, self.partitions) in owned
        }

    def keep_bars(self, bars: dict[str, list[Bar]]) -> None:
        """Write them, and forget the oldest. From any thread."""
        if bars:
            newest = max(each[-1].slot for each in bars.values())
            self.records.keep_bars(bars, self.book.bar_s, newest - self.book.bars_max)

    def take_changes(self) -> Changes:
        """Return what changed since the last time, as it is now: to be written, in this order."""
        names, self._views = list(self._views), {}
        documents = []
        for account in names:
            if states := self.accounts.of(account):
                found, tail, used = self._figures(states)
                documents.append(views.document(states, found, tail, used, self.book, self.now_us()))
        return Changes(*self.accounts.take_changes(), documents)

    def write(self, changes: Changes) -> None:
        """From any thread. Raises ``PyMongoError``."""
        self.accounts.write(changes.states, changes.marks)
        views.write(self.database, changes.views)

    # --- Judging ------------------------------------------------------------------------------------------

    def _figures(
        self, states: Sequence[AccountState], *, anew: bool = False
    ) -> tuple[Figures, list[Tail], list[Use]]:
        account, bounds = states[0].account, self.bounds
        found = figures(states, self.book, day_of(self.now_us()), bounds.currency)
        tail = self._tails.get(account)
        if anew or tail is None:
            before, tail = tail, tails(found.at_stake(), self._returns, self.book.bar_s)
            self._tails[account] = tail
            if tail != before:
                self._views[account] = None
        own = self._thresholds.get(account) or self._thresholds.get(DEFAULT, {})
        limits: list[AccountLimits] = [state.limits for state in states]
        return found, tail, uses(found, tail, limits, own, self.book)

    def _judge(self, decided: Decided, account: str, cause: Cause | None, *, anew: bool = False) -> None:
        """Compare the account with its limits. ``cause``: the price that moved; ``None``: its last event, or
        ``anew`` whatever happened last.
        """
        states = self.accounts.of(account)
        if any(state.seq < self._evaluated.get((account, state.shard), 0) for state in states):
            return  # folded again after a crash: it was judged then
        found, _, used = self._figures(states, anew=anew)
        cause = cause or newest_cause(states, self.book if anew else None)
        status = max((state.status for state in states), key=STRICTER.index)
        before = len(decided.breaches) + len(decided.cleared)
        still = self._open.get(("account", account), {})
        self._compare(
            decided,
            About("account", account, status),
            reached(used, still),
            cause,
            lambda: views.evidence(found, self.book),
        )
        if len(decided.breaches) + len(decided.cleared) > before:
            decided.seen.update({(account, state.shard): state.seq for state in states})

    def _judge_market(self, decided: Decided, symbol: str) -> None:
        bounds = self.bounds.circuit
        if partition_of(symbol, self.partitions) not in self._owned[EXECUTIONS]:
            return
        market = self.book.markets[symbol]
        move = circuit.largest_move(market, bounds)
        if move is None:
            return
        limits: dict[Level, int] = {"soft": bounds.move_ppm // 2, "hard": bounds.move_ppm}
        use = Use("market_move", ANY, move.ppm, 4, limits)
        still = self._open.get(("market", symbol), {})
        evidence: dict[str, Any] = {
            "price_before": format_units(move.price_before, market.rules.price_scale),
            "price": format_units(move.price, market.rules.price_scale),
            "within_us": move.at_us - move.before_us,
            "words": circuit.words(market, move, bounds),
        }
        about = About("market", symbol, market.status)
        self._compare(decided, about, reached([use], still), market.cause, lambda: evidence)

    def _compare(
        self,
        decided: Decided,
        about: About,
        found: Iterable[Finding],
        cause: Cause,
        evidence: Callable[[], dict[str, Any]],
    ) -> None:
        """Open what is new, clear what is gone."""
        still = self._open.get((about.scope, about.name), {})
        now = {finding.place: finding for finding in found}
        decided.cleared += [breach_id for place, breach_id in still.items() if place not in now]
        for place, finding in now.items():
            if place not in still:
                decided.breaches.append(self._writer().breach(about, finding, cause, evidence()))

    def _writer(self) -> Writer:
        return Writer(self.now_us(), webhook=self.bounds.webhook)

    # --- Acting -------------------------------------------------------------------------------------------

    def _commit(self, decided: Decided) -> None:
        """Put it on record, then send it, then know it."""
        if not decided.anything:
            return
        actions = self.records.write(decided, self.now_us())
        self._send(actions, also=actions)
        gone = set(decided.cleared)
        for places in self._open.values():
            for place in [place for place, breach_id in places.items() if breach_id in gone]:
                del places[place]
        for new in decided.breaches:
            row = new.row
            self._open.setdefault((row.scope, row.subject), {})[row.rule, row.key, row.level] = row.breach_id
            log.warning("%s", new.alert.message)
        self._evaluated.update(decided.seen)

    def _send(self, actions: Sequence[Action], also: Sequence[Action]) -> None:
        if actions:
            self.outbox.send(actions)
        if also:
            self.records.sent([action.action_id for action in also], self.now_us())


def _note_done(decided: Decided, recorded: RecordedEvent) -> None:
    """An event of our own command says that the action is done."""
    if recorded.actor == ACTOR:
        action_id = recorded.causation_id.rpartition("-")[0]
        decided.done.append((action_id, recorded.event_id, recorded.occurred_at_us))


def _dead_letter(topic: str, record: Record, error: Exception) -> DeadLetter:
    headers = {
        "reason": f"risk: not a slice of events: {error}",
        "topic": topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
    }
    log.error("Dead letter: %s", headers)
    return DeadLetter(record.value, headers)
