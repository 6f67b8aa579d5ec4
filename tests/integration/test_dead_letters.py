"""Dead letters, with everything real: poison stops nothing, and can be listed, shown, retried and closed."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from confluent_kafka import Producer
from pymongo import MongoClient
from pymongo.database import Database

from commands.messages import AnyCommand, Outcome, decode_replies
from domain.account import Deposit, OpenAccount
from domain.ids import order_id, transfer_id
from domain.order import CancelAll, CancelOrder, OrderRequest, PlaceOrder
from projections.projection import Document
from stack.running import Stack, running_stack
from stack.settings import CHECKOUT, Settings
from streams.codec import encode
from streams.topics import ACCOUNTS, DEAD_LETTERS, EXECUTIONS, ORDERS
from tests.integration.desk import MARKET

WAIT_S_MAX = 30
LATER = b'{"type":"WhatALaterReleaseCan","command_id":"later","actor":"me"}'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("letters"))
    with running_stack(settings, ["order-processor", "read-models"]) as running:
        yield running


class Floor:
    """Sends records to the running processor as an API would, hears the answers, and calls `./oms`."""

    def __init__(self, stack: Stack) -> None:
        self.settings = stack.settings
        self.producer = Producer({"bootstrap.servers": stack.settings.kafka_bootstrap})
        self.channel = f"replies:{uuid4().hex}"
        self.redis = redis.Redis.from_url(stack.settings.redis_url)
        self.listening = self.redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # redis has no type for it
        self.listening.subscribe(self.channel)
        self.listening.get_message(timeout=5)
        self.client: MongoClient[Document] = MongoClient(stack.settings.mongo_url)
        self.database: Database[Document] = self.client[stack.settings.mongo_database]

    def send(self, *commands: AnyCommand | bytes) -> list[Outcome]:
        """Send one record; return an outcome for each command."""
        texts = b",".join(each if isinstance(each, bytes) else encode(each) for each in commands)
        self.put(ORDERS, b'{"commands":[%s],"reply_to":"%s"}' % (texts, self.channel.encode()))
        outcomes: list[Outcome] = []
        deadline = time.monotonic() + WAIT_S_MAX
        while len(outcomes) < len(commands) and time.monotonic() < deadline:
            if (found := self.listening.get_message(timeout=1)) is not None:
                outcomes += decode_replies(found["data"]).outcomes
        return outcomes

    def put(
        self, topic: str, value: bytes, partition: int = 0, headers: dict[str, str] | None = None
    ) -> None:
        named: Any = {name: text.encode() for name, text in (headers or {}).items()}
        self.producer.produce(topic, value, partition=partition, headers=named)
        assert self.producer.flush(WAIT_S_MAX) == 0

    def letters(self, *arguments: str, code: int = 0) -> Any:
        done = subprocess.run(
            ["./oms", "projections", "letters", *arguments, "--json"],
            check=False,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            env={"OMS_FOLDER": str(self.settings.folder), **_environment()},
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def letter_of(self, wanted: Callable[[Any], bool]) -> Any:
        """Wait for an open letter; there is just one such."""
        found = wait_for(
            lambda: [each for each in self.letters("list")["letters"] if wanted(each)], "the letter"
        )
        (one,) = found
        return one

    def close(self) -> None:
        self.listening.close()
        self.redis.close()
        self.client.close()


def _environment() -> dict[str, str]:
    import os

    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def wait_for(found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < deadline:
        if thing := found():
            return thing
        time.sleep(0.1)
    raise AssertionError(f"not within {WAIT_S_MAX} s: {what}")


@pytest.fixture
def floor(stack: Stack) -> Iterator[Floor]:
    made = Floor(stack)
    yield made
    made.close()


def open_account(name: str) -> OpenAccount:
    return OpenAccount(command_id=f"open-{name}", actor="admin", account=name)


def test_a_command_that_cannot_be_read_spoils_no_other_of_its_record(floor: Floor) -> None:
    told = floor.send(open_account("ann"), LATER, open_account("bob"))
    assert {(each.command_id, each.status, each.code) for each in told} == {
        ("open-ann", "opened", ""),
        ("later", "refused", "unreadable_command"),
        ("open-bob", "opened", ""),
    }
    letter = floor.letter_of(lambda each: "WhatALaterReleaseCan" in each["reason"])
    assert (letter["kind"], letter["source"]["topic"], letter["source"]["number"]) == (
        "commands",
        ORDERS,
        "1",
    )

    shown = floor.letters("show", letter["id"])
    assert shown["value"] == json.loads(LATER)
    refused = floor.letters("retry", letter["id"], code=1)
    assert "cannot read it either" in refused["not_retried"][letter["id"]]

    assert floor.letters("close", letter["id"], "--reason", "sent by a test") == {"closed": [letter["id"]]}
    listed = floor.letters("list", "--all")["letters"]
    assert [(each["state"], each["what"]) for each in listed if each["id"] == letter["id"]] == [
        ("closed", "sent by a test")
    ]


@pytest.mark.parametrize(
    "poison", [b"\xff\xfe", b'{"x":' + b"[" * 50_000, b"", b'{"commands":[],"reply_to":"\xff"}']
)
def test_no_bytes_whatever_stop_the_processor(floor: Floor, poison: bytes) -> None:
    floor.put(ORDERS, poison)
    name = uuid4().hex
    assert [each.status for each in floor.send(open_account(name))] == ["opened"]


@pytest.mark.parametrize(
    "poison", [b"\xff\xfe", b"[" * 50_000, b'{"shard":0,"previous":0,"first":1,"last":1,"events":["\xff"]}']
)
def test_no_bytes_whatever_stop_the_read_models(floor: Floor, poison: bytes) -> None:
    for partition in range(floor.settings.topic_partitions):
        floor.put(ACCOUNTS, poison, partition)
    name = uuid4().hex
    floor.send(open_account(name))
    wait_for(lambda: floor.database["accounts"].find_one({"account": name}), "the account's document")


def test_a_command_that_a_fixed_release_can_read_is_decided_once_however_often_it_is_retried(
    floor: Floor,
) -> None:
    floor.send(MARKET)
    account = uuid4().hex
    floor.send(open_account(account))
    deposit = Deposit(
        command_id=f"deposit-{account}",
        actor="admin",
        transfer_id=transfer_id(0, account, "first"),
        client_transfer_id="first",
        account=account,
        asset="USD",
        amount="7",
    )
    found = {"topic": ORDERS, "partition": "0", "offset": "1", "shard": "0", "number": "3"}
    floor.put(DEAD_LETTERS, encode(deposit), headers={"reason": "an older release could not", **found})
    letter = floor.letter_of(lambda each: each["reason"] == "an older release could not")
    first = floor.letters("retry", letter["id"])["retried"][letter["id"]]
    again = floor.letters("retry", letter["id"])["retried"][letter["id"]]
    assert first.endswith(": credited")
    assert again.endswith(": credited, as it had been before")
    assert not [each for each in floor.letters("list")["letters"] if each["id"] == letter["id"]]
    balance = wait_for(
        lambda: floor.database["balances"].find_one({"account": account, "asset": "USD"}), "the balance"
    )
    assert int(balance["available"]) == 7 * 10**10


def test_an_order_whose_time_is_over_is_not_executed_late(floor: Floor) -> None:
    stale = PlaceOrder(
        command_id="stale",
        actor="ann",
        order_id=order_id(0, "ann", "stale"),
        account="ann",
        client_order_id="stale",
        symbol="BTC-USD",
        request=OrderRequest(side="buy", quantity="1", price="1"),
        valid_until_us=time.time_ns() // 1_000 - 5_000_000,
    )
    found = {"topic": ORDERS, "partition": "0", "offset": "1", "shard": "0", "number": "0"}
    floor.put(DEAD_LETTERS, encode(stale), headers={"reason": "late", **found})
    letter = floor.letter_of(lambda each: each["reason"] == "late")
    refused = floor.letters("retry", "--all", code=1)
    assert "was valid until" in refused["not_retried"][letter["id"]]
    floor.letters("close", "--all", "--reason", "over")
    assert floor.letters("list")["open"] == 0


def test_what_acts_on_whatever_is_there_is_only_given_back_by_name_and_once(floor: Floor) -> None:
    account = uuid4().hex
    floor.send(open_account(account))
    late = CancelAll(command_id=f"all-{account}", actor="ann", account=account)
    found = {"topic": ORDERS, "partition": "0", "offset": "1", "shard": "0", "number": "0"}
    floor.put(DEAD_LETTERS, encode(late), headers={"reason": f"late {account}", **found})
    letter = floor.letter_of(lambda each: each["reason"] == f"late {account}")
    refused = floor.letters("retry", "--all", code=1)["not_retried"]
    assert "acts on whatever is there" in refused[letter["id"]]
    assert floor.letters("retry", letter["id"])["retried"][letter["id"]].endswith(": cancelled")
    again = floor.letters("retry", letter["id"], code=1)["not_retried"]
    assert "was not retried before" in again[letter["id"]]


def test_a_document_that_missed_an_event_is_built_anew(stack: Stack, floor: Floor) -> None:
    """As if a defect had lost the document: the order is not there when its cancel is to be folded."""
    account = uuid4().hex
    order = order_id(0, account, "bid")
    floor.send(MARKET, open_account(account))
    floor.send(
        Deposit(
            command_id=f"deposit-{account}",
            actor="admin",
            transfer_id=transfer_id(0, account, "usd"),
            client_transfer_id="usd",
            account=account,
            asset="USD",
            amount="1000",
        ),
        PlaceOrder(
            command_id=f"place-{account}",
            actor=account,
            order_id=order,
            account=account,
            client_order_id="bid",
            symbol="BTC-USD",
            request=OrderRequest(side="buy", quantity="1", price="100"),
        ),
    )
    wait_for(lambda: floor.database["orders"].find_one({"_id": order}), "the order's document")
    stack.stop("read-models")
    floor.database["orders"].delete_one({"_id": order})
    stack.start("read-models")
    floor.send(CancelOrder(command_id=f"cancel-{account}", actor=account, order_id=order, account=account))

    letter = floor.letter_of(lambda each: order in each["reason"])
    assert (letter["kind"], letter["source"]["projection"]) == ("fold", "orders")
    assert letter["source"]["topic"] == EXECUTIONS
    assert floor.database["orders"].find_one({"_id": order}) is None
    done = floor.letters("retry", letter["id"])
    assert order in done["retried"][letter["id"]]
    built = wait_for(lambda: floor.database["orders"].find_one({"_id": order}), "the document again")
    assert (built["status"], built["account"]) == ("cancelled", account)
