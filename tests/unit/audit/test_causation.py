"""The tree of what a command caused."""

from typing import Any

import msgspec

from domain.order import OrderPlaced
from stack.audit.telling import drawn as lines_of
from streams.audit.causation import CommandTree, Node, drawn, origin_of
from streams.audit.units import Units
from streams.codec import RecordedEvent
from tests.unit.projections.trading import Venue, ask, mark, opened, place


def a_venue() -> Venue:
    return opened(Venue(), "ann", "bob", "cid", "dan")


def tree_of(venue: Venue, made: list[RecordedEvent], command_id: str) -> list[Node]:
    units = Units(())
    for market in venue.shard.exchange.markets.values():
        units.add(market.rules)
    placed = [each.event for each in venue.events if isinstance(each.event, OrderPlaced)]
    origins = {event.order_id: origin_of(event) for event in placed}
    return drawn([each for each in made if each.causation_id == command_id], origins, units)


def shape(nodes: list[Node]) -> list[str]:
    named = [(node.depth, node.what.partition(".")[0], node.account or "") for node in nodes]
    return [f"{'  ' * depth}{what} {account}".rstrip() for depth, what, account in named]


def stop(account: str, name: str, trigger_price: str, **more: Any) -> Any:
    return ask(
        account,
        name,
        **{"side": "sell", "order_type": "stop", "quantity": "1", "trigger_price": trigger_price} | more,
    )


def test_a_market_order_triggers_a_stop_that_fills_a_third_party() -> None:
    venue = a_venue()
    venue.batch(place("ann", "high", "buy", "1", "100"), place("cid", "low", "buy", "5", "90"))
    venue.batch(place("dan", "first", "sell", "0.5", "100"))
    venue.batch(stop("bob", "stop", "99"))
    made = venue.batch(place("dan", "hit", "sell", "1.5", None))
    assert shape(tree_of(venue, made, "dan-hit")) == [
        "OrderPlaced dan",
        "  trade",
        "    OrderFilled dan",
        "    OrderFilled ann",
        "  trade",
        "    OrderFilled dan",
        "    OrderFilled cid",
        "    OrderTriggered bob",
        "      trade",
        "        OrderFilled bob",
        "        OrderFilled cid",
    ]


def test_a_mark_price_triggers_those_that_wait_for_it_and_their_trades_the_others() -> None:
    venue = a_venue()
    venue.batch(mark("100"), place("cid", "bids", "buy", "5", "90"), place("ann", "one", "sell", "1", "90"))
    venue.batch(place("dan", "up", "buy", "1", "95"), place("ann", "two", "sell", "1", "95"))
    venue.batch(stop("bob", "by mark", "98", trigger_source="mark"), stop("dan", "by last", "91"))
    made = venue.batch(mark("97"))
    assert shape(tree_of(venue, made, "mark-BTC-USD-97")) == [
        "MarkPriceSet",
        "  OrderTriggered bob",
        "    trade",
        "      OrderFilled bob",
        "      OrderFilled cid",
        "      OrderTriggered dan",
        "        trade",
        "          OrderFilled dan",
        "          OrderFilled cid",
    ]


def test_what_cannot_trade_ends_below_the_order_itself() -> None:
    venue = a_venue()
    made = venue.batch(place("ann", "gone", "buy", "1", "90", tif="ioc"))
    assert shape(tree_of(venue, made, "ann-gone")) == ["OrderPlaced ann", "  OrderCancelled ann"]


def test_a_prevented_trade_leads_to_what_it_cancels() -> None:
    venue = a_venue()
    venue.batch(place("ann", "bid", "buy", "1", "100"))
    order = ask("ann", "own", side="sell", quantity="1", price="100", self_trade="expire_maker")
    made = venue.batch(order)
    assert shape(tree_of(venue, made, "ann-own")) == [
        "OrderPlaced ann",
        "  TradePrevented ann",
        "    OrderCancelled ann",
    ]


def test_the_tree_is_drawn_with_lines() -> None:
    nodes = [
        Node(number, parent, depth, "x", f"n{number}", None, None, None)
        for number, parent, depth in ((0, None, 0), (1, 0, 1), (2, 1, 2), (3, 0, 1), (4, None, 0), (5, 4, 1))
    ]
    tree = msgspec.convert(
        {"command_id": "c", "actor": "a", "correlation_id": None, "shard": 0, "first_seq": 1, "last_seq": 6}
        | {"occurred_at": "", "accounts": [], "nodes": nodes, "postings": [], "left_out": 0},
        CommandTree,
    )
    assert lines_of(tree) == ["├─ n0", "│  ├─ n1", "│  │  └─ n2", "│  └─ n3", "└─ n4", "   └─ n5"]
