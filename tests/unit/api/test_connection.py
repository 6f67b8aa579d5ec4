"""A connection, without a socket and without servers: what it answers, and when it is to be closed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest

from api.auth import mint_token
from api.authentication.authenticator import Authenticator
from api.command.bounds import WebSocketBounds
from api.command.connection import Connection, Desk
from api.command.credit import Credit
from api.command.directory import ONE_SHARD, Directory
from api.command.gateway import Gateway, Inbox
from api.command.intake import Intake
from api.command.sessions import Sessions
from api.rate_limits import ACCOUNT, ADDRESS, SUBJECT, RateLimitConfig, RateLimits
from api.token_bucket import Policy
from commands.messages import AnyCommand, Outcome
from domain import ids
from domain.market import MarketRules
from domain.order import CancelOrder, PlaceOrder

SECRET = "s" * 32
NOW = 50.0


class FakeGateway:
    """Keeps what it is given, and answers when it is told to. ``others``: the credit of further shards."""

    def __init__(self) -> None:
        self.own = Credit(0.0, 5.0)
        self.others: dict[int, Credit] = {}
        self.taken: list[tuple[AnyCommand, Inbox, int]] = []
        self.shards: list[int] = []

    def credit(self, shard: int) -> Credit:
        return self.others.get(shard, self.own)

    def submit(
        self,
        commands: Sequence[AnyCommand],
        shard: int,
        inbox: Inbox,
        logged: Callable[[int, int], None] | None = None,
    ) -> None:
        self.logged = logged
        self.credit(shard).sent(len(commands), 0.0)
        self.shards += [shard] * len(commands)
        self.taken += [(command, inbox, index) for index, command in enumerate(commands)]

    def decide(self) -> None:
        for command, inbox, index in self.taken:
            inbox.decided(index, Outcome(command.command_id, "open", getattr(command, "order_id", "")))
            inbox.flush("a1.0:7")
        self.own.decided(len(self.taken), 0.0)
        self.taken = []


class FakeSessions:
    def __init__(self) -> None:
        self.noted: list[tuple[str, list[str]]] = []
        self.shards: list[int] = []

    async def remember(
        self, session: str, _actor: str, accounts: Sequence[str], shards: Sequence[int]
    ) -> None:
        self.shards = list(shards)
        self.noted.append((session, list(accounts)))


class Client:
    def __init__(
        self,
        *,
        guarded: bool = False,
        directory: Directory = ONE_SHARD,
        limits: RateLimits | None = None,
        **bounds: int,
    ) -> None:
        self.gateway = FakeGateway()
        self.sessions = FakeSessions()
        desk = Desk(
            cast("Gateway", self.gateway),
            Intake(10_000, directory),
            cast("Sessions", self.sessions),
            Authenticator(SECRET),
            replace(WebSocketBounds(), **bounds),
            limits,
        )
        self.connection = Connection(desk, NOW, guarded=guarded)
        self.heard()

    async def send(self, *items: Any) -> list[dict[str, Any]]:
        return await self.send_text(msgspec.json.encode(items).decode())

    async def send_text(self, text: str) -> list[dict[str, Any]]:
        await self.connection.take(text, NOW)
        return self.replies()

    async def enter(self) -> None:
        await self.send({"op": "auth", "token": mint_token(SECRET, "me", ["trader"], ["alice", "bob"])})

    def heard(self) -> list[dict[str, Any]]:
        frames = [msgspec.json.decode(frame) for frame in self.connection.outbox._frames]
        for frame in list(self.connection.outbox._frames):
            self.connection.outbox._frames.popleft()
            self.connection.outbox.sent(frame)
        return frames

    def replies(self) -> list[dict[str, Any]]:
        return [reply for frame in self.heard() for reply in frame.get("replies", [])]


@pytest.fixture
async def client() -> Client:
    made = Client()
    await made.enter()
    return made


def order(name: str, account: str = "alice", **more: Any) -> dict[str, Any]:
    plain = {"op": "place", "account": account, "client_order_id": name, "symbol": "BTC-USD", "id": name}
    return {**plain, "side": "buy", "type": "limit", "quantity": "1", "price": "5", **more}


async def test_all_commands_of_a_frame_travel_together_and_each_has_its_own_reply(client: Client) -> None:
    cancel = {"op": "cancel", "account": "alice", "client_order_id": "a", "id": 2}
    assert await client.send(order("a"), cancel) == []
    placing, cancelling = (command for command, _, _ in client.gateway.taken)
    assert isinstance(placing, PlaceOrder)
    assert isinstance(cancelling, CancelOrder)
    assert (placing.actor, placing.order_id) == ("me", cancelling.order_id)
    client.gateway.decide()
    assert [(reply["id"], reply["status"]) for reply in client.replies()] == [("a", "open"), (2, "open")]
    assert client.connection.in_flight == 0


async def test_a_wrong_item_spoils_no_other(client: Client) -> None:
    replies = await client.send(order("a", price="1,5"), order("b"), order("c", account="eve"), 7)
    assert [(reply["id"], reply["code"]) for reply in replies] == [
        ("a", "invalid_request"),
        ("c", "not_allowed"),
        (None, "invalid_request"),
    ]
    assert "price was '1,5'" in replies[0]["detail"]
    assert [command.command_id != "" for command, _, _ in client.gateway.taken] == [True]


async def test_a_cancel_names_exactly_one_order(client: Client) -> None:
    (reply,) = await client.send({"op": "cancel", "account": "alice", "id": 1})
    assert (reply["code"], "client_order_id" in reply["detail"]) == ("invalid_request", True)


async def test_nothing_is_done_for_who_has_not_said_who_it_is() -> None:
    client = Client()
    (reply,) = await client.send(order("a"))
    assert reply["code"] == "not_authenticated"
    client.connection.look_at_clock(NOW + 4.9, time.time())
    assert client.connection.closing is None
    client.connection.look_at_clock(NOW + 5.1, time.time())
    assert client.connection.closing == "not_authenticated"


async def test_a_token_that_expires_is_told_then_nothing_is_taken_then_it_is_over(client: Client) -> None:
    expires = client.connection._expires
    client.connection.look_at_clock(NOW, expires - 59)
    client.connection.look_at_clock(NOW, expires - 58)
    assert [frame["event"] for frame in client.heard()] == ["token_expires"]
    client.connection.look_at_clock(NOW, expires + 29)
    assert client.connection.closing is None
    client.connection.look_at_clock(NOW, expires + 31)
    assert client.connection.closing == "not_authenticated"


async def test_who_is_silent_is_asked_for_a_sign_of_life(client: Client) -> None:
    client.connection.look_at_clock(NOW + 15.1, time.time())
    client.connection.look_at_clock(NOW + 16.1, time.time())
    assert [frame["event"] for frame in client.heard()] == ["ping"]
    await client.connection.take('{"op":"pong"}', NOW + 17)
    assert client.heard() == []
    client.connection.look_at_clock(NOW + 31, time.time())
    assert client.connection.closing is None
    client.connection.look_at_clock(NOW + 47.1, time.time())
    assert client.connection.closing == "idle"


async def test_frames_that_cannot_be_read_end_the_connection_only_one_after_the_other() -> None:
    client = Client(bad_frames_max=3)
    for _ in range(2):
        assert (await client.send_text("{"))[0]["code"] == "invalid_request"
    await client.send({"op": "ping"})
    for _ in range(2):
        await client.send_text("nonsense")
    assert client.connection.closing is None
    await client.send_text("nonsense")
    assert client.connection.closing == "too_many_errors"


async def test_too_large_a_frame_is_refused_and_a_flood_ends_the_connection() -> None:
    client = Client(frame_bytes_max=100, flood_bytes_max=1_000)
    (reply,) = await client.send_text("[" + " " * 100 + "]")
    assert (reply["code"], "100 are the most" in reply["detail"]) == ("too_large", True)
    assert client.connection.closing is None
    await client.send_text(" " * 1_001)
    assert client.connection.closing == "flood"


async def test_too_many_commands_without_an_outcome_are_refused_but_cancels_pass() -> None:
    client = Client(in_flight_max=2)
    await client.enter()
    cancel = {"op": "cancel", "account": "alice", "client_order_id": "a", "id": "x"}
    replies = await client.send(order("a"), order("b"), order("c"), cancel)
    assert [(reply["id"], reply["code"]) for reply in replies] == [("c", "too_many_in_flight")]
    assert len(client.gateway.taken) == 3


async def test_overload_sheds_the_orders_beyond_the_credit_and_no_cancel(client: Client) -> None:
    client.gateway.own.limit = 2
    cancel = {"op": "cancel", "account": "alice", "client_order_id": "a", "id": "x"}
    replies = await client.send(order("a"), order("b"), order("c"), cancel)
    assert [(reply["id"], reply["code"]) for reply in replies] == [("c", "overloaded")]
    assert replies[0]["retry_after_ms"] > 0
    assert [command.command_id != "" for command, _, _ in client.gateway.taken] == [True] * 3
    client.gateway.decide()
    client.replies()
    assert await client.send(order("c")) == [], "recovered"


async def test_replies_that_nobody_reads_end_the_connection() -> None:
    client = Client(send_bytes_max=1_000)
    for _ in range(100):
        await client.connection.take('{"op":"ping","id":"a-rather-long-name"}', NOW)
    assert client.connection.closing == "slow_reader"
    assert client.connection.outbox._bytes <= 1_000


async def test_an_outcome_that_does_not_come_is_told_as_pending(client: Client) -> None:
    await client.send(order("a"))
    ((command, inbox, index),) = client.gateway.taken
    inbox.pending(index)
    inbox.flush("")
    (reply,) = client.replies()
    assert (reply["id"], reply["status"], reply["order_id"]) == ("a", "pending", command.order_id)  # type: ignore[union-attr] # it is a PlaceOrder


async def test_orders_carry_the_session_only_while_they_are_to_end_with_it(client: Client) -> None:
    await client.send(order("free"))
    await client.send({"op": "session", "cancel_on_disconnect": True}, order("bound"), order("b", "bob"))
    await client.send({"op": "session", "cancel_on_disconnect": False}, order("free again"[:4] + "2"))
    session = client.connection.session
    sessions = [command.request.session for command, _, _ in client.gateway.taken]  # type: ignore[union-attr] # all are PlaceOrder
    assert sessions == ["", session, session, ""]
    assert client.sessions.noted == [(session, ["alice", "bob"])]


# --- Several shards ---------------------------------------------------------------------------------------


class Unlisted:
    """Knows of no listing; ``away``: it does not even answer."""

    def __init__(self) -> None:
        self.away = False

    async def read(self) -> list[tuple[int, MarketRules]]:
        if self.away:
            raise OSError("away")
        return []


@pytest.fixture
def listings() -> Unlisted:
    return Unlisted()


@pytest.fixture
async def venue(listings: Unlisted) -> Client:
    """A connection to a venue with three shards: BTC-USD is on the first, ETH-USD on the second."""
    directory = Directory(3, listings, reread_ms_min=0)
    for shard, symbol in enumerate(("BTC-USD", "ETH-USD")):
        directory.note_listed(shard, symbol, {})
    made = Client(directory=directory)
    made.gateway.others = {1: Credit(0.0, 5.0), 2: Credit(0.0, 5.0)}
    await made.enter()
    return made


async def test_a_frame_is_split_by_shard_each_with_its_own_credit(venue: Client) -> None:
    venue.gateway.others[1].limit = 1
    replies = await venue.send(
        order("a"), order("b", symbol="ETH-USD"), order("c", symbol="ETH-USD"), order("d")
    )
    assert [(reply["id"], reply["code"]) for reply in replies] == [("c", "overloaded")]
    assert venue.gateway.shards == [0, 0, 1]
    assert [command.order_id[:4] for command, _, _ in venue.gateway.taken] == ["0000", "0000", "0001"]  # type: ignore[union-attr] # all are PlaceOrder


async def test_cancelling_all_asks_every_shard_and_is_answered_once(venue: Client) -> None:
    assert await venue.send({"op": "cancel_all", "account": "alice", "id": "x"}) == []
    assert venue.gateway.shards == [0, 1, 2]
    assert len({command.command_id for command, _, _ in venue.gateway.taken}) == 3
    for command, inbox, index in venue.gateway.taken:
        assert venue.replies() == [], "not before all have answered"
        inbox.decided(index, Outcome(command.command_id, "cancelled", detail="1 orders cancelled"))
        inbox.flush("")
    (reply,) = venue.replies()
    assert (reply["id"], reply["status"], reply["detail"]) == ("x", "cancelled", "1 orders cancelled")
    assert venue.connection.in_flight == 0


async def test_a_shard_that_does_not_answer_a_cancel_of_all_is_named(venue: Client) -> None:
    await venue.send({"op": "cancel_all", "account": "alice", "id": "x"})
    (first, second, third) = venue.gateway.taken
    for command, inbox, index in (first, second):
        inbox.decided(index, Outcome(command.command_id, "cancelled"))
    third[1].pending(third[2])
    third[1].flush("")
    (reply,) = venue.replies()
    assert (reply["status"], "no answer yet from shard 2" in reply["detail"]) == ("pending", True)


async def test_a_cancel_by_the_clients_own_id_needs_the_symbol(venue: Client) -> None:
    cancel = {"op": "cancel", "account": "alice", "client_order_id": "a", "id": 1}
    (reply,) = await venue.send(cancel)
    assert (reply["code"], "symbol" in reply["detail"]) == ("invalid_request", True)
    await venue.send({**cancel, "symbol": "ETH-USD"})
    assert venue.gateway.shards == [1]


async def test_with_the_listings_away_only_orders_on_unknown_markets_wait(
    venue: Client, listings: Unlisted
) -> None:
    listings.away = True
    replies = await venue.send(order("a"), order("b", symbol="NEW-USD"))
    assert [(reply["id"], reply["code"]) for reply in replies] == [("b", "unavailable")]
    assert venue.gateway.shards == [0]


async def test_a_session_ends_on_the_shards_it_used(venue: Client) -> None:
    await venue.send({"op": "session", "cancel_on_disconnect": True}, order("a", symbol="ETH-USD"))
    assert venue.sessions.shards == [1]
    await venue.send(order("b"))
    assert venue.sessions.shards == [1, 0]


@pytest.mark.parametrize(
    "text", ["[" * 20_000 + "]" * 20_000, '{"a":' * 20_000 + "1" + "}" * 20_000, "\x00", "NaN"]
)
async def test_a_frame_that_is_nonsense_is_told_so_and_spoils_no_other(client: Client, text: str) -> None:
    (reply,) = await client.send_text(text)
    assert reply["code"] == "invalid_request"
    assert await client.send(order("after")) == []
    assert len(client.gateway.taken) == 1


async def test_every_kind_of_item_is_for_own_accounts_only(client: Client) -> None:
    other = order("x", account="eve")
    nested = {key: value for key, value in other.items() if key not in {"op", "id"}}
    name = ids.order_id(0, "eve", "x")
    items: list[dict[str, Any]] = [
        other,
        {**other, "op": "place_test"},
        {"op": "cancel", "account": "eve", "order_id": name},
        {"op": "cancel", "account": "eve", "client_order_id": "x"},
        {"op": "amend", "account": "eve", "order_id": name, "quantity": "1"},
        {"op": "cancel_replace", "cancel_order_id": name, "mode": "stop_on_failure", "order": nested},
        {"op": "cancel_all", "account": "eve"},
    ]
    replies = await client.send(*items)
    assert [reply["code"] for reply in replies] == ["not_allowed"] * len(items)
    assert client.gateway.taken == []


def limited(burst: int) -> RateLimits:
    """No Redis is there, so this process allows all of it by itself, and what is spent stays spent."""
    slow = (0.001, burst)
    nowhere = "redis://127.0.0.1:1/0"
    config = RateLimitConfig(
        nowhere, Policy(ADDRESS, 1, 1_000), Policy(SUBJECT, *slow), Policy(ACCOUNT, 1, 1_000), {}, 100
    )
    return RateLimits(config)


async def test_commands_of_a_frame_cost_tokens_each_and_cancels_pass() -> None:
    limits = limited(burst=9)
    client = Client(limits=limits)
    await client.enter()
    cancel = {"op": "cancel", "account": "alice", "client_order_id": "0", "id": "cancel"}
    replies = await client.send(*(order(str(number)) for number in range(6)), cancel)
    assert [(reply["id"], reply["code"]) for reply in replies] == [
        ("4", "rate_limited"),
        ("5", "rate_limited"),
    ]
    assert all(reply["retry_after_ms"] >= 1_000 for reply in replies)
    assert [type(command) for command, _, _ in client.gateway.taken] == [PlaceOrder] * 4 + [CancelOrder]
    await limits.close()


async def test_tokens_to_be_checked_are_taken_from_the_address() -> None:
    limits = limited(burst=1_000)
    client = Client(limits=limits)
    guess = {"op": "auth", "token": mint_token("z" * 32, "me", ["admin"])}
    codes = [reply["code"] for _ in range(3) for reply in await client.send(*[guess] * 40)]
    assert codes.count("not_authenticated") == 80
    assert codes[-1] == "rate_limited", "the third frame was not looked at"
    await limits.close()
