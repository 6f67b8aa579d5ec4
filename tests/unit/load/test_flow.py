from itertools import islice

from domain.ids import order_id
from stack.load.client import Cancel, Place
from stack.load.flow import MAKERS, MARKETS, TAKERS, Action, Flow, funds

FIRST = len(MAKERS) * len(MARKETS)


def actions(seed: int, count: int = 500, run_id: str = "r") -> list[Action]:
    return list(islice(Flow(seed, run_id), count))


def places(seed: int, run_id: str = "r") -> list[Place]:
    return [
        command
        for action in actions(seed, run_id=run_id)
        for command in action.commands
        if isinstance(command, Place)
    ]


def test_the_same_seed_gives_the_same_flow() -> None:
    assert actions(7) == actions(7)
    assert actions(7) != actions(8)


def test_the_run_only_names_the_orders() -> None:
    def content(order: Place) -> tuple[str | None, ...]:
        return (order.account, order.symbol, order.side, order.type, order.quantity, order.price)

    assert [content(order) for order in places(7, "a")] == [content(order) for order in places(7, "b")]
    assert not {order.client_order_id for order in places(7, "a")} & {
        order.client_order_id for order in places(7, "b")
    }


def test_first_every_maker_quotes_both_sides_of_every_market() -> None:
    first = actions(1, FIRST)
    assert {action.account for action in first} == set(MAKERS)
    assert all(len(action.commands) == 6 for action in first)


def test_a_makers_cancels_are_for_quotes_it_placed_before() -> None:
    placed: set[str] = set()
    cancels = 0
    for action in actions(3):
        for command in action.commands:
            if isinstance(command, Cancel):
                assert command.order_id in placed
                assert command.account in MAKERS
                cancels += 1
            else:
                placed.add(order_id(0, command.account, command.client_order_id))
    assert cancels > 100


def test_takers_send_market_and_ioc_orders_one_at_a_time() -> None:
    taken = [action for action in actions(5) if action.account in TAKERS]
    kinds = set()
    for action in taken:
        (order,) = action.commands
        assert isinstance(order, Place)
        assert order.time_in_force == "ioc"
        assert (order.price is None) == (order.type == "market")
        kinds.add(order.type)
    assert kinds == {"market", "limit"}


def test_prices_wander_and_do_not_run_away() -> None:
    flow = Flow(1, "r")
    for _ in islice(flow, 20_000):
        pass
    for plan in MARKETS:
        assert 0.5 < flow.mids[plan.spec.symbol] / plan.start_ticks < 2


def test_at_the_end_every_quote_is_withdrawn() -> None:
    flow = Flow(1, "r")
    list(islice(flow, 300))
    assert len(flow.withdrawals()) == len(MAKERS) * len(MARKETS) * 6


def test_every_trader_has_every_asset() -> None:
    assets = {plan.spec.base_asset for plan in MARKETS} | {"USD"}
    assert len(funds()) == len(MAKERS + TAKERS) * len(assets)
