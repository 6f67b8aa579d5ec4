"""What requests and commands cost, and how answers tell of it."""

import pytest

from api import passage
from api.passage import Charge
from api.permissions import ROUTES
from api.rate_limits import TAKES_RISK_AWAY, WEIGHTS, cost_of, headers_of
from api.shield import Shield, ShieldConfig
from domain.order import CancelOrder, OrderRequest, PlaceOrder
from domain.order_list import ListLeg, PlaceOrderList

REQUEST = OrderRequest(side="buy", quantity="1")


def test_what_weighs_more_is_a_route_of_ours() -> None:
    assert WEIGHTS.keys() <= ROUTES.keys()
    assert ROUTES.keys() >= TAKES_RISK_AWAY


def test_a_cancel_costs_less_than_an_order_and_a_list_as_much_as_its_orders() -> None:
    order = PlaceOrder(
        command_id="c",
        actor="me",
        order_id="o",
        account="ann",
        client_order_id="n",
        symbol="B-U",
        request=REQUEST,
    )
    cancel = CancelOrder(command_id="c", actor="me", order_id="o", account="ann")
    legs = tuple(ListLeg(name, name, REQUEST) for name in "ab")
    both = PlaceOrderList(
        command_id="c",
        actor="me",
        list_id="l",
        account="ann",
        client_list_id="l",
        symbol="B-U",
        kind="oco",
        legs=legs,
    )
    assert cost_of(cancel) < cost_of(order)
    assert cost_of(both) == 2 * cost_of(order)


def test_answers_tell_what_is_left_as_structured_fields() -> None:
    charges = {"subject": Charge("subject", 100, 10, 42, 6), "account": Charge("account", 5, 5, 0, 5)}
    assert headers_of(charges) == [
        (b"ratelimit-policy", b'"subject";q=100;w=10, "account";q=5;w=5'),
        (b"ratelimit", b'"subject";r=42;t=6, "account";r=0;t=5'),
    ]
    assert headers_of({}) == []


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, b"9.9.9.9", "10.0.0.1"),
        (1, b"9.9.9.9, 1.2.3.4", "1.2.3.4"),
        (2, b"9.9.9.9, 1.2.3.4, 10.0.0.9", "1.2.3.4"),
        (1, b"", "10.0.0.1"),
        (3, b"1.2.3.4", "10.0.0.1"),
    ],
)
async def test_only_what_our_own_proxies_say_of_an_address_is_believed(
    proxies: int, forwarded: bytes, address: str
) -> None:
    seen = []

    async def app(*_: object) -> None:
        passed = passage.current()
        assert passed is not None
        seen.append(passed.address)

    headers = [(b"x-forwarded-for", forwarded)] if forwarded else []
    scope = {"type": "http", "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}
    shield = Shield(app, ShieldConfig(proxies=proxies))
    await shield({**scope, "client": ("10.0.0.1", 5)}, None, None)  # type: ignore[arg-type] # all that it looks at
    assert seen == [address]
