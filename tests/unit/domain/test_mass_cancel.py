"""A mass cancel ends all open orders of whatever it names: an account, a market, a side, a session."""

from domain.order import OrderCancelled
from tests.unit.domain.expectations import asks, bids, has, holds, nothing_happened, refused, waits
from tests.unit.domain.story import Expectation, Story, given, last_price, listed_market, resting, waiting
from tests.unit.domain.wishes import buy, cancel_all, order_named, sell

ETH = "ETH-USD"


def orders() -> Story:
    """Alice has orders on both markets and sides, two of them of a session; Bob has one."""
    return given(
        listed_market(),
        listed_market(symbol=ETH, base_asset="ETH"),
        resting(buy("alice", 1, at=100, name="btc-bid", session="s1")),
        resting(sell("alice", 1, at=110, name="btc-ask")),
        resting(buy("alice", 1, at=10, name="eth-bid", symbol=ETH, session="s1")),
        resting(buy("bob", 1, at=99, session="s1")),
        waiting(sell("alice", 1, stop=90, name="stop")),
    )


def all_cancelled(*names: str, because: str = "requested") -> Expectation:
    """These orders and no others are cancelled, in this order, and hold nothing any more."""

    def expectation(story: Story) -> None:
        events = story.of_type(OrderCancelled)
        assert [event.order_id for event in events] == [order_named(name) for name in names]
        assert {event.reason for event in events} <= {because}
        assert not {event.order_id for event in events} & set(story.exchange.orders)

    return expectation


def test_all_orders_of_an_account_the_oldest_first() -> None:
    orders().when(cancel_all("alice")).then(
        all_cancelled("btc-bid", "btc-ask", "eth-bid", "stop"),
        bids(("bob", 1, 99)),
        asks(),
        waits(),
        has("alice", USD=110, BTC=2),
        holds("alice", USD=0, BTC=0),
    )


def test_all_orders_of_an_account_on_a_market() -> None:
    orders().when(cancel_all("alice", symbol="BTC-USD")).then(
        all_cancelled("btc-bid", "btc-ask", "stop"), bids(("eth-bid", 1, 10), symbol=ETH)
    )


def test_all_orders_of_a_market() -> None:
    orders().when(cancel_all(symbol="BTC-USD")).then(
        all_cancelled("btc-bid", "btc-ask", "bob", "stop"), bids(), asks(), waits()
    )


def test_one_side_of_an_account() -> None:
    orders().when(cancel_all("alice", side="buy")).then(
        all_cancelled("btc-bid", "eth-bid"), asks(("btc-ask", 1, 110)), waits(("stop", 90))
    )


def test_one_side_of_a_market() -> None:
    orders().when(cancel_all(symbol="BTC-USD", side="sell")).then(all_cancelled("btc-ask", "stop"))


def test_a_lost_session_takes_its_orders_with_it() -> None:
    orders().when(cancel_all("alice", session="s1")).then(
        all_cancelled("btc-bid", "eth-bid", because="disconnected"), asks(("btc-ask", 1, 110))
    )


def test_an_iceberg_is_cancelled_whole() -> None:
    given(listed_market(), resting(sell("alice", 10, at=100, display=1))).when(cancel_all("alice")).then(
        all_cancelled("alice"), asks(), has("alice", BTC=10)
    )


def test_nothing_to_cancel_is_fine() -> None:
    orders().when(cancel_all("alice", session="unknown")).then(nothing_happened)
    orders().when(cancel_all(symbol="unknown")).then(nothing_happened)
    given(listed_market(), last_price(100)).when(cancel_all("fees")).then(nothing_happened)


def test_it_names_an_account_or_a_market() -> None:
    story = orders()
    for command in (cancel_all(), cancel_all(side="buy"), cancel_all(session="s1")):
        story.when(command).then(refused("scope_required"))
    story.then(bids(("btc-bid", 1, 100), ("bob", 1, 99)))


def test_the_account_is_open() -> None:
    orders().when(cancel_all("nobody")).then(refused("unknown_account", "'nobody'"))
