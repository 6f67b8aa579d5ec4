"""From a command to all that it caused, as a tree.

The events of a command have one causation id, and stand in one commit in the order in which they were
decided; what led to what among them follows from the rules: an order that enters trades, a trade moves the
last price, a price triggers orders that wait for it, what one leg of an order list does ends or enlarges
another.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from domain.event import Event
from domain.market import MarkPriceSet
from domain.order import (
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
    TradePrevented,
)
from domain.order_list import OrderListEnded, OrderListPlaced, OrderListRejected
from streams.audit import index
from streams.audit.sentences import sentence
from streams.audit.steps import PostingView, Time, posting_view, postings_in
from streams.audit.store import NotThereError, Store
from streams.audit.units import Units, time_of
from streams.codec import RecordedEvent, event_type

NODES_MAX = 10_000
POSTINGS_MAX = 10_000


class Node(msgspec.Struct, frozen=True):
    """Something that the command caused: an event, or a trade with the fill of either side below it.

    ``parent``: the number of the node that led to it, ``null``: the command itself did. Nodes come in the
    order in which a tree is drawn: each right after its parent, or after a sibling and all below that.
    """

    node: int
    parent: int | None
    depth: int
    what: Annotated[str, Meta(examples=["OrderTriggered.v1", "trade"])]
    sentence: str
    seq: int | None
    account: str | None
    order_id: str | None


class CommandTree(msgspec.Struct, frozen=True):
    """All that a command caused. ``accounts``: all that it touched. ``left_out``: how many more events, and
    postings, than are shown.
    """

    command_id: str
    actor: str
    correlation_id: str | None
    shard: int
    first_seq: int
    last_seq: int
    occurred_at: Time
    accounts: list[str]
    nodes: list[Node]
    postings: list[PostingView]
    left_out: int


class Origin(msgspec.Struct, frozen=True):
    """What an order's beginning says about why later things happen to it."""

    list_id: str
    trigger_source: str


# --- The command ------------------------------------------------------------------------------------------


def command_tree(store: Store, command_id: str) -> CommandTree:
    """Raises ``NotThereError``: for commands that were refused as well, as these leave no event."""
    found = [each for each in store.found(index.COMMAND, command_id) if each.causation_id == command_id]
    if not found:
        raise NotThereError(
            f"no event was caused by a command {command_id!r}: a command that was refused leaves none"
        )
    first = found[0]
    shard = int(first.event_id.partition("-")[0])
    commit = store.events_of(store.commit_of(shard, first.seq))
    own = [each for each in commit if each.causation_id == command_id]
    units = store.units()
    postings = postings_in(commit, command_id)
    nodes = drawn(own, origins_of(store, shard, own), units)
    left_out = max(0, len(nodes) - NODES_MAX) + max(0, len(postings) - POSTINGS_MAX)
    accounts = [name for each in own if (name := getattr(each.event, "account", None))]
    return CommandTree(
        command_id=command_id,
        actor=first.actor,
        correlation_id=first.correlation_id or None,
        shard=shard,
        first_seq=first.seq,
        last_seq=own[-1].seq,
        occurred_at=time_of(first.occurred_at_us),
        accounts=list(dict.fromkeys([*accounts, *(posting.account for posting in postings)])),
        nodes=nodes[:NODES_MAX],
        postings=[posting_view(posting, units) for posting in postings[:POSTINGS_MAX]],
        left_out=left_out,
    )


def origins_of(store: Store, shard: int, events: Iterable[RecordedEvent]) -> dict[str, Origin]:
    """Return how each order began that something happens to among the events."""
    orders = {order: None for each in events if (order := getattr(each.event, "order_id", None))}
    return {
        event.order_id: origin_of(event)
        for recorded in store.beginnings(shard, list(orders))
        if isinstance(event := recorded.event, OrderPlaced)
    }


def origin_of(event: OrderPlaced) -> Origin:
    return Origin(event.list_id, event.trigger.source if event.trigger else "last")


# --- The tree ---------------------------------------------------------------------------------------------


class _Draft:
    """A node that is still being hung into the tree."""

    def __init__(self, what: str, told: str, recorded: RecordedEvent | None, parent: "_Draft | None") -> None:
        self.what = what
        self.sentence = told
        self.recorded = recorded
        self.children: list[_Draft] = []
        if parent is not None:
            parent.children.append(self)


class _Tree:
    """Hangs each event below what led to it."""

    def __init__(self, origins: Mapping[str, Origin], units: Units) -> None:
        self.root = _Draft("command", "", None, None)
        self._origins = origins
        self._units = units
        self._entered: dict[str, _Draft] = {}
        self._trades: dict[tuple[str, int], _Draft] = {}
        self._moved: dict[tuple[str, str], _Draft] = {}
        self._lists: dict[str, _Draft] = {}
        self._prevented: dict[str, _Draft] = {}

    def add(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        parent = self._parent(event)
        node = _Draft(event_type(event), sentence(event, self._units), recorded, parent)
        self._remember(event, node)

    def _parent(self, event: Event) -> _Draft:
        if isinstance(event, OrderFilled):
            return self._trade(event)
        found: _Draft | None = None
        if isinstance(event, OrderPlaced | OrderRejected):
            found = self._lists.get(event.list_id)
        elif isinstance(event, OrderTriggered):
            found = self._moved.get((event.symbol, self._source(event.order_id)))
        elif isinstance(event, OrderCancelled):
            found = self._why_cancelled(event)
        elif isinstance(event, OrderAmended):
            found = self._prevented.get(event.order_id) or self._lists.get(self._list_of(event.order_id))
        elif isinstance(event, TradePrevented):
            found = self._entered.get(event.order_id)
        elif isinstance(event, OrderListEnded):
            found = self._lists.get(event.list_id)
        return found or self.root

    def _trade(self, fill: OrderFilled) -> _Draft:
        """Return the node of the fill's trade, which hangs below what made its taker enter the book."""
        key = (fill.symbol, fill.trade_id)
        if key not in self._trades:
            taker = fill.order_id if fill.liquidity == "taker" else fill.counter_order_id
            told = (
                f"Trade {fill.trade_id} of {self._units.quantity(fill.symbol, fill.quantity)}"
                f" at {self._units.price(fill.symbol, fill.price)} on {fill.symbol}"
            )
            self._trades[key] = _Draft("trade", told, None, self._entered.get(taker) or self.root)
        return self._trades[key]

    def _why_cancelled(self, event: OrderCancelled) -> _Draft | None:
        if event.reason == "self_trade" and event.order_id in self._prevented:
            return self._prevented[event.order_id]
        return self._entered.get(event.order_id) or self._lists.get(self._list_of(event.order_id))

    def _remember(self, event: Any, node: _Draft) -> None:
        if isinstance(event, OrderPlaced | OrderTriggered | OrderAmended):
            self._entered[event.order_id] = node
        elif isinstance(event, OrderFilled):
            node = self._trades[event.symbol, event.trade_id]
            self._moved[event.symbol, "last"] = node
        elif isinstance(event, MarkPriceSet):
            self._moved[event.symbol, "mark"] = node
        elif isinstance(event, TradePrevented):
            self._prevented[event.order_id] = self._prevented[event.counter_order_id] = node
        elif isinstance(event, OrderListPlaced | OrderListRejected):
            self._lists[event.list_id] = node
        list_id = self._list_of(getattr(event, "order_id", ""))
        if list_id and not isinstance(event, OrderPlaced | OrderRejected):
            self._lists[list_id] = node

    def _list_of(self, order: str) -> str:
        return self._origins[order].list_id if order in self._origins else ""

    def _source(self, order: str) -> str:
        return self._origins[order].trigger_source if order in self._origins else "last"


def drawn(events: Iterable[RecordedEvent], origins: Mapping[str, Origin], units: Units) -> list[Node]:
    """Return the events as a tree, in the order in which it is drawn."""
    tree = _Tree(origins, units)
    for recorded in events:
        tree.add(recorded)
    nodes: list[Node] = []
    waiting: list[tuple[_Draft, int | None, int]] = [
        (child, None, 0) for child in reversed(tree.root.children)
    ]
    while waiting:  # no recursion: stops can trigger stops a thousand deep
        draft, parent, depth = waiting.pop()
        nodes.append(_node(draft, len(nodes), parent, depth))
        number = nodes[-1].node
        waiting += [(child, number, depth + 1) for child in reversed(draft.children)]
    return nodes


def _node(draft: _Draft, number: int, parent: int | None, depth: int) -> Node:
    recorded = draft.recorded
    event = None if recorded is None else recorded.event
    return Node(
        node=number,
        parent=parent,
        depth=depth,
        what=draft.what,
        sentence=draft.sentence,
        seq=None if recorded is None else recorded.seq,
        account=getattr(event, "account", None),
        order_id=getattr(event, "order_id", None),
    )
