"""Transfers between two shards on the real servers, with kill -9 at each step of their way: every transfer
ends, and all of the money is where it belongs.
"""

import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from commands.committer import wait_for
from commands.messages import AnyCommand, CommandBatch
from commands.ownership import take_over
from commands.replies import Replies
from commands.shard_processor import ProcessorConfig, ShardProcessor
from domain import ids
from domain.account import Deposit, OpenAccount
from domain.shard_transfer import SendFunds
from stack.audit.findings import Findings
from stack.audit.verifying import Asked, Verification
from stack.load.proofs import head, prove_history
from stack.running import Stack, running_stack
from stack.settings import Settings
from stack.waiting import wait_until
from streams import topics
from streams.codec import encode
from streams.publisher import make_producer, produce
from tests.integration.databases import commits_held_up, waits_for_the_row
from tests.integration.desk import MARKET
from tests.integration.test_standby import Processors

pytestmark = pytest.mark.timeout(300)

SHARDS = (0, 1)
WAIT_MS = 90_000
STAKE = "1000"
MARKETS = (MARKET, msgspec.structs.replace(MARKET, symbol="ETH-USD", base_asset="ETH"))
"""A market is on one shard; both trade against dollars."""
ENDED = ("TransferCompleted.v1", "TransferReturned.v1")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two shards, and one processor that has both, and is started again when it dies."""
    settings = Settings.with_free_ports(
        tmp_path_factory.mktemp("shards"), shards=len(SHARDS), courier_again_ms_min=200
    )
    with running_stack(settings, ["read-models", "auditor", "order-processor"]) as running:
        yield running


@pytest.fixture
def accounts(stack: Stack) -> tuple[str, str]:
    """Two accounts that are open on both shards; the first has a stake on each."""
    run = uuid4().hex[:8]
    rich, poor = f"rich-{run}", f"poor-{run}"
    for shard in SHARDS:
        opening = (OpenAccount(command_id=uuid4().hex, actor="admin", account=name) for name in (rich, poor))
        stake = Deposit(
            command_id=uuid4().hex,
            actor="admin",
            transfer_id=ids.transfer_id(shard, rich, "stake"),
            client_transfer_id="stake",
            account=rich,
            asset="USD",
            amount=STAKE,
        )
        send(stack, shard, [MARKETS[shard], *opening, stake])
    return rich, poor


def send(stack: Stack, shard: int, commands: Sequence[AnyCommand]) -> None:
    producer = make_producer(stack.settings.kafka_bootstrap, "test")
    produce(producer, topics.ORDERS, encode(CommandBatch(tuple(commands), "")), partition=shard)
    assert producer.flush(30) == 0


def sending(account: str, to_account: str, name: str, from_shard: int = 0) -> SendFunds:
    return SendFunds(
        command_id=uuid4().hex,
        actor=account,
        transfer_id=ids.transfer_id(from_shard, account, name),
        client_transfer_id=name,
        account=account,
        to_shard=1 - from_shard,
        to_account=to_account,
        asset="USD",
        amount="2.5",
    )


# --- What the store has ---------------------------------------------------------------------------------


def events(stack: Stack, transfer: str) -> list[str]:
    """Return what the store has of a transfer, on both shards, each as its type."""
    with psycopg.connect(stack.settings.postgres_dsn) as store:
        rows = store.execute(
            "SELECT topic FROM events WHERE topic <> 'AccountPosted.v1'"
            " AND convert_from(state, 'UTF8') LIKE %s ORDER BY shard, notification_id",
            (f'%"transfer_id":"{transfer}"%',),
        ).fetchall()
    return [topic for (topic,) in rows]


def is_stored(stack: Stack, transfer: str, *kinds: str) -> bool:
    return bool(set(kinds) & set(events(stack, transfer)))


def until_stored(stack: Stack, transfer: str, *kinds: str) -> None:
    wait_until(lambda: is_stored(stack, transfer, *kinds), WAIT_MS, f"{' or '.join(kinds)} of {transfer}")


@contextmanager
def commit_in_flight(stack: Stack, shard: int) -> Iterator[None]:
    """Within, the shard's commits are sent to the store and do not end."""
    with commits_held_up(stack.settings.postgres_dsn, shard):
        yield


def until_in_flight(stack: Stack, shard: int) -> None:
    dsn = stack.settings.postgres_dsn
    wait_until(lambda: waits_for_the_row(dsn, shard), WAIT_MS, f"a commit of shard {shard} is in flight")


def verified(stack: Stack) -> Findings:
    return Verification(stack.settings, Asked(catch_up_s_max=60), lambda *_: None).run()


def check_all(stack: Stack) -> None:
    """Nothing is in transit any more, and everything that can be proven is: by the auditor, and by the proofs
    of a run.
    """
    found = verified(stack)
    assert found.differences == []
    assert found.in_transit == {}
    with psycopg.connect(stack.settings.postgres_dsn) as store:
        ends = [head(store, shard) for shard in SHARDS]
        proofs, _ = prove_history(store, ends, stack.settings.topic_partitions, "", (), lambda _: None)
    assert proofs.differences == []


ENDS = pytest.mark.parametrize(
    ("known", "history"),
    [
        (True, ["FundsSent.v1", "TransferCompleted.v1", "FundsReceived.v1"]),
        (False, ["FundsSent.v1", "TransferReturned.v1", "FundsDeclined.v1"]),
    ],
    ids=["completed", "returned"],
)


# --- Killed at each step --------------------------------------------------------------------------------


@ENDS
def test_killed_with_the_sources_commit_in_flight(
    stack: Stack, accounts: tuple[str, str], known: bool, history: list[str]
) -> None:
    command = sending(accounts[0], accounts[1] if known else "nobody", "t")
    with commit_in_flight(stack, 0):
        send(stack, 0, [command])
        until_in_flight(stack, 0)
        stack.kill("order-processor")
    until_stored(stack, command.transfer_id, *ENDED)
    assert events(stack, command.transfer_id) == history
    check_all(stack)


@ENDS
def test_killed_after_the_sources_commit_and_before_the_destinations(
    stack: Stack, accounts: tuple[str, str], known: bool, history: list[str]
) -> None:
    command = sending(accounts[0], accounts[1] if known else "nobody", "t")
    with commit_in_flight(stack, 1):
        send(stack, 0, [command])
        until_stored(stack, command.transfer_id, "FundsSent.v1")
        until_in_flight(stack, 1)
        assert verified(stack).in_transit == {"USD": ("2.5", 1)}
        stack.kill("order-processor")
    until_stored(stack, command.transfer_id, *ENDED)
    assert events(stack, command.transfer_id) == history
    check_all(stack)


@ENDS
def test_killed_after_the_destinations_commit_and_before_the_sources_last(
    stack: Stack, accounts: tuple[str, str], known: bool, history: list[str]
) -> None:
    command = sending(accounts[0], accounts[1] if known else "nobody", "t")
    with ExitStack() as last_commit:
        with commit_in_flight(stack, 1):
            send(stack, 0, [command])
            until_stored(stack, command.transfer_id, "FundsSent.v1")
            last_commit.enter_context(commit_in_flight(stack, 0))
        until_stored(stack, command.transfer_id, "FundsReceived.v1", "FundsDeclined.v1")
        until_in_flight(stack, 0)
        stack.kill("order-processor")
    until_stored(stack, command.transfer_id, *ENDED)
    assert events(stack, command.transfer_id) == history
    check_all(stack)


def test_killed_again_and_again_with_many_on_their_way_in_both_directions(
    stack: Stack, accounts: tuple[str, str]
) -> None:
    transfers = []
    for round_number in range(3):
        for shard in SHARDS:
            names = [f"r{round_number}-{number}" for number in range(30)]
            to_accounts = [accounts[1], "nobody"] * 15
            commands = [sending(accounts[0], *each, shard) for each in zip(to_accounts, names, strict=True)]
            transfers += [command.transfer_id for command in commands]
            send(stack, shard, commands)
        until_stored(stack, transfers[-1], "FundsSent.v1")
        stack.kill("order-processor")
    for transfer in transfers:
        until_stored(stack, transfer, *ENDED)
        assert len(events(stack, transfer)) == 3, events(stack, transfer)
    check_all(stack)


# --- Dead between a commit and what follows it ------------------------------------------------------------


@contextmanager
def no_processor(stack: Stack) -> Iterator[None]:
    until_settled(stack)
    stack.stop("order-processor")
    try:
        yield
    finally:
        stack.start("order-processor")


def owner(stack: Stack, shard: int, producer: Producer) -> ShardProcessor:
    settings = stack.settings
    config = ProcessorConfig(
        postgres_dsn=settings.postgres_dsn,
        kafka_bootstrap=settings.kafka_bootstrap,
        redis_url=settings.redis_url,
        partitions=settings.topic_partitions,
        instance="test",
        ids_expected=settings.ids_expected,
        shards=len(SHARDS),
    )
    owned = take_over(settings.postgres_dsn, shard)
    return ShardProcessor(config, owned, producer, Replies(config.redis_url))


def commit_and_die(stack: Stack, shard: int) -> None:
    """Decide and commit what is in the shard's log, as its processor does, and tell nobody."""
    producer = make_producer(stack.settings.kafka_bootstrap, "test")
    processor = owner(stack, shard, producer)
    assert producer.flush(30) == 0
    processor.take(logged(stack, shard, processor.next_offset))
    processor.advance()
    while processor.committer.busy and not processor.committer.finished():
        wait_for([processor.committer], 1)
    processor.abandon()


def logged(stack: Stack, shard: int, offset: int) -> list[Message]:
    """Return what the shard's log has from ``offset`` on; there is something."""
    consumer = Consumer({"bootstrap.servers": stack.settings.kafka_bootstrap, "group.id": "look"})
    place = TopicPartition(topics.ORDERS, shard, offset)
    _, end = consumer.get_watermark_offsets(place, timeout=10)
    consumer.assign([place])
    found: list[Message] = []
    while offset + len(found) < end:
        message = consumer.poll(10)
        assert message is not None
        assert message.error() is None
        found.append(message)
    consumer.close()
    assert found
    return found


def test_a_successor_sends_what_its_predecessor_had_only_committed(
    stack: Stack, accounts: tuple[str, str]
) -> None:
    command = sending(*accounts, "t")
    with no_processor(stack):
        send(stack, 0, [command])
        commit_and_die(stack, 0)
        assert events(stack, command.transfer_id) == ["FundsSent.v1"]
        assert verified(stack).in_transit == {"USD": ("2.5", 1)}
    until_stored(stack, command.transfer_id, *ENDED)
    check_all(stack)


@ENDS
def test_an_answer_that_was_never_given_is_asked_for_again(
    stack: Stack, accounts: tuple[str, str], known: bool, history: list[str]
) -> None:
    command = sending(accounts[0], accounts[1] if known else "nobody", "t")
    with no_processor(stack):
        send(stack, 0, [command])
        commit_and_die(stack, 0)
        producer = make_producer(stack.settings.kafka_bootstrap, "test")
        owner(stack, 0, producer).abandon()  # it began with sending what is open
        assert producer.flush(30) == 0
        commit_and_die(stack, 1)
        assert events(stack, command.transfer_id) == [history[0], history[2]]
    until_stored(stack, command.transfer_id, *ENDED)
    assert events(stack, command.transfer_id) == history
    check_all(stack)


# --- Others away ----------------------------------------------------------------------------------------


def test_kafka_away_while_a_transfer_is_on_its_way(stack: Stack, accounts: tuple[str, str]) -> None:
    command = sending(*accounts, "t")
    with commit_in_flight(stack, 1):
        send(stack, 0, [command])
        until_stored(stack, command.transfer_id, "FundsSent.v1")
        until_in_flight(stack, 1)
        stack.stop("kafka")
    until_stored(stack, command.transfer_id, "FundsReceived.v1")
    assert not is_stored(stack, command.transfer_id, *ENDED), "the answer has no way back"
    stack.start("kafka")
    until_stored(stack, command.transfer_id, *ENDED)
    check_all(stack)


def test_the_destinations_processor_is_gone_for_good(
    stack: Stack, accounts: tuple[str, str], tmp_path: Path
) -> None:
    """Two processors with a shard each; one is killed, and the other one takes its shard over, later."""
    several = Processors(stack, tmp_path)
    with no_processor(stack), several.ending:
        several.start("first")
        wait_until(lambda: several.said("first", "shard 1: rebuilt"), WAIT_MS, "the first has both")
        second = several.start("second")
        wait_until(lambda: several.said("second", ": rebuilt"), WAIT_MS, "the second has one")
        gone = 1 if several.said("second", "shard 1: rebuilt") else 0
        second.send_signal(signal.SIGKILL)
        ways = [sending(*accounts, f"w{number}", number % 2) for number in range(10)]
        for command in ways:
            send(stack, ids.shard_of(command.transfer_id), [command])
        there = [way.transfer_id for way in ways if ids.shard_of(way.transfer_id) != gone]
        until_stored(stack, there[-1], "FundsSent.v1")
        for command in ways:
            until_stored(stack, command.transfer_id, "TransferCompleted.v1")
        check_all(stack)


def until_settled(stack: Stack) -> None:
    """Wait until what was sent before has been decided."""
    last = [OpenAccount(command_id=uuid4().hex, actor="admin", account=f"last-{uuid4().hex[:8]}")]
    for shard in SHARDS:
        send(stack, shard, last)

    def opened() -> bool:
        with psycopg.connect(stack.settings.postgres_dsn) as store:
            found = store.execute(
                "SELECT 1 FROM events WHERE topic = 'AccountOpened.v1'"
                " AND convert_from(state, 'UTF8') LIKE %s",
                (f'%"{last[0].account}"%',),
            ).fetchall()
        return len(found) == len(SHARDS)

    wait_until(opened, WAIT_MS, "all is decided")
