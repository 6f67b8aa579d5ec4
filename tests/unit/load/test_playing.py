"""The players against a client that remembers what it was sent."""

from collections.abc import Sequence
from typing import Any

import pytest

from domain.ids import order_id
from stack.load import bounds
from stack.load.client import Cancel, Command, LoadError, Outcome, Place
from stack.load.demonstrating import seconds_of
from stack.load.history import Step
from stack.load.measurements import Measurements
from stack.load.playing import Player, play_batches, play_open_loop, times_at_rate, times_at_speed
from stack.load.replaying import run_id_of, speed_of


class RememberingClient:
    """Accepts everything, but refuses to cancel what is in ``gone``."""

    def __init__(self, gone: Sequence[str] = ()) -> None:
        self.gone = {order_id(0, "a", f"r-{name}") for name in gone}
        self.sent: list[str] = []
        self.batches: list[int] = []
        self.retries = 0

    def handle(self, command: Command) -> Outcome:
        if isinstance(command, Place):
            self.sent.append(f"place {command.client_order_id}")
            return Outcome("open", order_id(0, command.account, command.client_order_id), token="t")
        self.sent.append(f"cancel {command.order_id}")
        refused = command.order_id in self.gone
        return (
            Outcome("refused", code="order_not_open") if refused else Outcome("cancelled", command.order_id)
        )

    async def place(self, order: Place) -> Outcome:
        return self.handle(order)

    async def cancel(self, account: str, order: str) -> Outcome:
        return self.handle(Cancel(account, order))

    async def batch(self, commands: Sequence[Command]) -> tuple[list[Outcome], str]:
        self.batches.append(len(commands))
        return [self.handle(command) for command in commands], "t"


class NoProbe:
    def offer(self, *_: Any) -> None:
        pass


def player(client: RememberingClient) -> Player:
    return Player(client, Measurements(), NoProbe(), "r", "B-U", ["a"])  # type: ignore[arg-type]


def step(op: str, order: str, replaced: str = "") -> Step:
    return Step(0, op, order, 1, "bid", 23647, 100, replaced)  # type: ignore[arg-type]


def cancel_of(name: str) -> str:
    return f"cancel {order_id(0, 'a', f'r-{name}')}"


REPLACED = [step("place", "1"), step("place", "2"), step("replace", "1.2", "1"), step("cancel", "1.2")]


@pytest.mark.parametrize("mode", ["batches", "open loop"])
async def test_a_replacement_cancels_and_places_anew(mode: str) -> None:
    client = RememberingClient()
    await play(mode, player(client), REPLACED)
    assert client.sent == ["place r-1", "place r-2", cancel_of("1"), "place r-1.2", cancel_of("1.2")]


@pytest.mark.parametrize("mode", ["batches", "open loop"])
async def test_what_was_filled_meanwhile_is_not_replaced(mode: str) -> None:
    client = RememberingClient(gone=["1"])
    run = player(client)
    await play(mode, run, REPLACED)
    assert client.sent == ["place r-1", "place r-2", cancel_of("1")]
    assert run.measurements.replacements_dropped == 1
    assert run.measurements.cancels_refused == {"order_not_open": 1}


@pytest.mark.parametrize("mode", ["batches", "open loop"])
async def test_what_is_left_open_is_cancelled_at_the_end(mode: str) -> None:
    client = RememberingClient()
    run = player(client)
    await play(mode, run, REPLACED)
    client.sent.clear()
    assert await run.close(REPLACED) == 1
    assert client.sent == [cancel_of("2")]


async def test_batches_are_bounded_and_keep_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BATCH_COMMANDS_MAX", 3)
    client = RememberingClient()
    run = player(client)
    await play_batches(run, [step("place", str(number)) for number in range(8)], lambda: None)
    assert client.batches == [3, 3, 2]
    assert client.sent == [f"place r-{number}" for number in range(8)]
    assert run.measurements.orders_sent == 8


async def play(mode: str, run: Player, steps: list[Step]) -> None:
    if mode == "batches":
        await play_batches(run, steps, lambda: None)
    else:
        await play_open_loop(run, steps, [0.0] * len(steps), lambda: None)


def test_at_a_speed_the_times_are_the_real_ones() -> None:
    steps = [step("place", "1")._replace(at_ms=5_000), step("place", "2")._replace(at_ms=7_000)]
    assert times_at_speed(steps, 10) == [0.0, 0.2]


def test_at_a_rate_only_orders_count() -> None:
    steps = [step("place", "1"), step("cancel", "1")] * 4
    assert times_at_rate(steps, 100)[-1] == pytest.approx(7 * 4 / 100 / 8)


def test_an_order_keeps_its_account() -> None:
    run = player(RememberingClient())
    run.accounts = ["a", "b", "c"]
    assert run.account_of(step("place", "77")) == run.account_of(step("replace", "77.2", "77"))
    assert {run.account_of(step("place", str(number))) for number in range(50)} == {"a", "b", "c"}


def test_prices_and_quantities_are_sent_in_decimals() -> None:
    order = player(RememberingClient()).placing(step("place", "1"))
    assert (order.price, order.quantity, order.side) == ("236.47", "0.000001", "buy")


@pytest.mark.parametrize(("text", "factor"), [("max", None), ("1x", 1.0), ("2.5x", 2.5), ("10", 10.0)])
def test_speeds(text: str, factor: float | None) -> None:
    assert speed_of(text) == factor


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("90", 90), ("1.5m", 90), ("1h", 3600)])
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "refused",
    [lambda: speed_of("fast"), lambda: speed_of("0x"), lambda: run_id_of("a-b"), lambda: seconds_of("soon")],
)
def test_options_that_make_no_sense_are_refused_in_words(refused: Any) -> None:
    with pytest.raises(LoadError, match="was '"):
        refused()
