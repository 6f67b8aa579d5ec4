"""What a story's ``then`` may expect of order lists."""

from domain.numbers import format_units
from domain.order import OrderPlaced, OrderRejected
from domain.order_list import OrderListEnded, OrderListPlaced, OrderListRejected
from tests.unit.domain.story import Expectation, Story
from tests.unit.domain.wishes import Number, order_named
from tests.unit.domain.wishes_of_lists import list_named


def list_accepted(*names: str) -> Expectation:
    """The list is accepted, and so is each of its legs."""

    def expectation(story: Story) -> None:
        assert [type(event) for event in story.events][:1] == [OrderListPlaced]
        placed = {event.order_id for event in story.of_type(OrderPlaced)}
        assert placed == {order_named(name) for name in names}

    return expectation


def list_rejected(code: str, *says: str) -> Expectation:
    """The list is rejected and so is each leg, for the same reason; nothing else happens."""

    def expectation(story: Story) -> None:
        whole, *legs = story.events
        assert isinstance(whole, OrderListRejected), story.events
        assert whole.code == code, whole
        assert [part for part in says if part not in whole.detail] == [], whole.detail
        assert [leg.order_id for leg in whole.legs] == [event.order_id for event in legs]  # type: ignore[attr-defined] # the next line says what they are
        assert all(isinstance(event, OrderRejected) and event.code == code for event in legs)
        assert story.exchange.lists == {}

    return expectation


def list_ended(because: str = "done", name: str = "list") -> Expectation:
    def expectation(story: Story) -> None:
        (event,) = story.of_type(OrderListEnded)
        assert (event.list_id, event.reason) == (list_named(name), because)
        assert event.list_id not in story.exchange.lists

    return expectation


def list_goes_on(story: Story) -> None:
    assert not story.of_type(OrderListEnded)
    assert story.exchange.lists


def pending(*names: str) -> Expectation:
    """These orders, and no others, are accepted with nothing of them in force."""
    return lambda story: _pending(story, names)


def _pending(story: Story, names: tuple[str, ...]) -> None:
    found = [order.client_order_id for order in story.exchange.orders.values() if order.quantity == 0]
    assert found == list(names)


def in_force(name: str, quantity: Number) -> Expectation:
    """So much of an open order is in force, what it has traded included."""

    def expectation(story: Story) -> None:
        order = story.exchange.orders[order_named(name)]
        scale = story.exchange.markets[order.symbol].rules.base_scale
        assert format_units(order.quantity, scale) == str(quantity)

    return expectation
