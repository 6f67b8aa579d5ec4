"""One shard's processor: while a batch is on its way into the store, the next one is decided.

At most one commit is in flight, and one batch is open behind it. The open one takes commands until that
commit is made; so batches grow with the load by themselves, and an order that comes alone waits for nobody.
Answers and publishing follow their commit. Where a commit fails, or its end is unknown, an error leaves here,
all that was decided behind it is forgotten with it, and the successor reads in the store what happened.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import KafkaException, Message, Producer

from commands.batch import Batch, Placed, asked_before
from commands.committer import Commit, Committer, wait_for
from commands.courier import Courier, CourierConfig
from commands.errands import OF_A_COURIER
from commands.hash_chain import CommitHeader, chain
from commands.histories import Histories
from commands.messages import AnyCommand, CommandBatch, CommandMessage, Outcome
from commands.ownership import Ownership, connect
from commands.reading import Unread, read_record
from commands.rebuilding import LostHistoryError, rebuild, remembered
from commands.recorder import ShardRecorder
from commands.replies import Replies
from commands.shard import Shard
from commands.shard_snapshot import Stand
from commands.snapshotting import SnapshotConfig, Snapshotting
from domain.ids import SHARDS_MAX
from streams.codec import RecordedEvent, decode_recorded, encode
from streams.progress import Place, write_token
from streams.topics import ORDERS

logger = logging.getLogger(__name__)

FLUSH_WAIT_S = 10.0
DEAD_LETTER_WAIT_S = 10.0
BATCH_EVENTS_MAX = 20_000
COMMANDS_AT_ONCE_MAX = 100
"""Decided between two looks at the commit in flight: about 3 ms."""


@dataclass(frozen=True)
class ProcessorConfig:
    """Where everything is, and the bounds. ``ids_expected`` sizes the filter of used ids.

    ``instance`` names this process among all processors: started again under its name it gets its shards back
    at once, without Kafka waiting for the session of the one that died.
    """

    postgres_dsn: str
    kafka_bootstrap: str
    redis_url: str
    partitions: int
    instance: str
    batch_commands_max: int = 2_000
    ids_expected: int = 10_000_000
    snapshots: SnapshotConfig = field(default_factory=SnapshotConfig)
    shards: int = SHARDS_MAX
    courier: CourierConfig = field(default_factory=CourierConfig)


class Decided(NamedTuple):
    """A batch that is closed: what is stored of it, and who is told what then."""

    placed: list[Placed]
    outcomes: Mapping[str, Sequence[Outcome]]
    token: str
    arrived_before: Sequence[RecordedEvent]


class ShardProcessor:
    """Owns one shard: its memory, its two connections to the store, its publisher."""

    def __init__(
        self,
        config: ProcessorConfig,
        owned: Ownership,
        producer: Producer,
        replies: Replies,
        followed: Shard | None = None,
    ) -> None:
        """``followed``: the shard as it was followed in memory, if it was."""
        self.next_offset = owned.next_offset
        self.committer = Committer(owned.connection, owned.shard)
        self._batch_commands_max = config.batch_commands_max
        self._owned = owned
        self._committed_offset = owned.next_offset
        self._chain_hash = owned.chain_hash
        self._replies = replies
        self._reader = connect(config.postgres_dsn, owned.shard)
        self._histories = Histories(ShardRecorder(self._reader, owned.shard))
        self._shard = followed or remembered(
            owned.connection, owned.shard, config.partitions, config.ids_expected, owned.published_seq
        )
        self._snapshotting = Snapshotting(config.postgres_dsn, config.snapshots, self._shard)
        self._publisher = rebuild(self._shard, owned, producer)
        self._courier = self._new_courier(config.courier, producer)
        self._shards = config.shards
        self._open: Batch | None = None
        self._in_flight: Decided | None = None

    # --- Commands in --------------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """The open batch takes no more commands before the commit in flight is made."""
        batch = self._open
        return batch is not None and (
            batch.commands + COMMANDS_AT_ONCE_MAX > self._batch_commands_max
            or batch.events >= BATCH_EVENTS_MAX
        )

    def take(self, messages: Sequence[Message]) -> None:
        """Decide commands; they are stored and answered as ``advance`` gets to it."""
        commands, unread = self._decoded(self._fresh(messages))
        if not (commands or unread):
            return
        batch = self._open = self._open or self._new_batch()
        for each in unread:
            if each.outcome is not None:
                batch.answer(each.reply_to, each.outcome)
        batch.learn(self._earlier(batch, commands))
        for command in commands:
            batch.handle(command)

    def _fresh(self, messages: Sequence[Message]) -> list[Message]:
        """Drop what was taken before: after a rebalance Kafka may give it again."""
        fresh = []
        for message in messages:
            offset = _offset(message)
            if offset > self.next_offset:
                raise LostHistoryError(
                    f"shard {self._owned.shard}: offset {self.next_offset} is next, not {offset}"
                )
            if offset == self.next_offset:
                self.next_offset += 1
                fresh.append(message)
        return fresh

    def _decoded(self, messages: Sequence[Message]) -> tuple[list[CommandMessage], list[Unread]]:
        """Decode the commands; what is none is put aside, with the reason, before anything is committed
        that comes after it.
        """
        commands: list[CommandMessage] = []
        unread: list[Unread] = []
        for message in messages:
            read = read_record(message.value() or b"")
            commands.extend(read.commands)
            for each in read.unread:
                logger.warning("no command at offset %s: %s", message.offset(), each.reason)
                self._publisher.dead_letter(message, each.value, f"no command: {each.reason}", each.number)
            unread.extend(read.unread)
        if unread:
            self._publisher.dead_letters_delivered(DEAD_LETTER_WAIT_S)
        return commands, unread

    def _earlier(
        self, batch: Batch, commands: Sequence[CommandMessage]
    ) -> Mapping[str, Sequence[RecordedEvent]]:
        """Return the history of each id that an earlier batch used: a query only if there may be any."""
        exchange = self._shard.exchange
        ids = (stream for message in commands for stream in asked_before(exchange, message.command))
        asked = [stream for stream in ids if not batch.began(stream)]
        suspects = self._shard.known.suspects(asked)
        return self._histories.of(suspects) if suspects else {}

    def _new_batch(self) -> Batch:
        return Batch(self._shard, self._now_us(), {}, self._stored, self._shards)

    def _stored(self, stream: str) -> Sequence[RecordedEvent]:
        """Return the history of one stream, if there is any."""
        suspects = self._shard.known.suspects((stream,))
        return self._histories.of(suspects).get(stream, ()) if suspects else ()

    def _now_us(self) -> int:
        """Time never runs backwards within a shard, whatever the machine's clock does."""
        return max(self._shard.now_us, time.time_ns() // 1_000)

    # --- Batches out --------------------------------------------------------------------------------------

    def advance(self) -> float | None:
        """Do what is due, without waiting: answer what is committed, expire orders, commit, publish.

        Return after how many seconds to call again if nothing else happens, if at all. Raises where a commit
        failed or may have failed.
        """
        done = self._committed()
        if done is not None:
            self._replies.send(done.token, done.outcomes)
            self._run_errands(done)
        expiry_s = self._expire()
        if self._open is not None and not self.committer.busy:
            self._commit(self._open)
        self._snapshotting.look()
        if done is not None:  # after the next commit has begun, which so does not wait for it
            for event in done.placed:
                self._publisher.add(event.place, event.seq, event.state)
        waits = (expiry_s, self._publisher.send_due(), self._courier.advance(time.monotonic()))
        return min((seconds for seconds in waits if seconds is not None), default=None)

    def _committed(self) -> Decided | None:
        """Return the batch that was in flight if it is in the store by now."""
        if self._in_flight is None or not self.committer.finished():
            return None
        done, self._in_flight = self._in_flight, None
        return done

    def _expire(self) -> float | None:
        """Begin a batch with the orders whose time has come. Return in how many seconds the next one's is."""
        next_us = self._shard.exchange.next_expiry_us()
        if next_us is not None and next_us <= self._now_us() and self._open is None:
            self._open = self._new_batch()
            next_us = self._shard.exchange.next_expiry_us()
        return None if next_us is None else max(0.0, (next_us - self._now_us()) / 1e6)

    def _commit(self, batch: Batch) -> None:
        """Close the open batch and send it to the store."""
        placed, self._open = batch.close(), None
        decided = Decided(placed, batch.outcomes, self._token(batch, placed), batch.arrived_before)
        if not placed:
            self._commit_offset(decided)
            return
        self._shard.now_us = batch.now_us
        commit = self._next_commit(placed, batch.now_us)
        self.committer.begin(commit, placed)
        self._histories.commit_begins(placed)
        self._in_flight = decided
        self._snapshotting.write_if_due(
            Stand(self._owned.shard, commit.header.last_seq, commit.chain_hash, commit.header.state_hash)
        )

    def _commit_offset(self, decided: Decided) -> None:
        """Store how far the commands are decided that made no event: it is not decided twice what was
        answered, and who has lost the shard cannot answer for it.
        """
        if self.next_offset == self._committed_offset:
            return
        self.committer.move_on(self._owned.epoch, self._committed_offset, self.next_offset)
        self._committed_offset = self.next_offset
        self._in_flight = decided

    def _next_commit(self, placed: Sequence[Placed], now_us: int) -> Commit:
        header = CommitHeader(
            shard=self._owned.shard,
            epoch=self._owned.epoch,
            first_seq=placed[0].seq,
            last_seq=placed[-1].seq,
            next_offset=self.next_offset,
            occurred_at_us=now_us,
            state_hash=self._shard.exchange.state_hash,
        )
        self._chain_hash = chain(self._chain_hash, header, (event.state for event in placed))
        expected, self._committed_offset = self._committed_offset, self.next_offset
        return Commit(header, expected, self._publisher.published_seq, self._chain_hash)

    def _token(self, batch: Batch, placed: Sequence[Placed]) -> str:
        """Return the token for what the batch wrote; where it wrote nothing, or answers with what was written
        before, for all that was written.
        """
        own = {event.place: event.seq for event in placed}
        seqs = self._shard.places if batch.replayed or not own else own
        shard = self._owned.shard
        return write_token({Place(place.topic, place.partition, shard): seq for place, seq in seqs.items()})

    # --- Other shards -------------------------------------------------------------------------------------

    def _new_courier(self, config: CourierConfig, producer: Producer) -> Courier:
        """Return a courier that carries all transfers that are open, as the store has them."""

        def send(shard: int, commands: Sequence[AnyCommand]) -> None:
            try:
                producer.produce(ORDERS, encode(CommandBatch(tuple(commands), "")), partition=shard)
            except (BufferError, KafkaException) as error:
                logger.warning("%s commands for shard %s are not sent yet: %s", len(commands), shard, error)

        exchange = self._shard.exchange
        courier = Courier(config, exchange.scales, send)
        histories = self._histories.of(list(exchange.in_transit)) if exchange.in_transit else {}
        courier.committed((events[0] for events in histories.values()), time.monotonic())
        return courier

    def _run_errands(self, done: Decided) -> None:
        """What is in the store may be told to other shards."""
        events = [decode_recorded(event.state) for event in done.placed if event.topic in OF_A_COURIER]
        if events or done.arrived_before:
            self._courier.committed([*events, *done.arrived_before], time.monotonic())

    # --- The end ------------------------------------------------------------------------------------------

    def release(self) -> None:
        """Commit and publish all there is, note how far that is, and let the shard go."""
        while self._open is not None or self._in_flight is not None:
            if self.committer.busy:
                wait_for([self.committer])
            self.advance()
        self._publisher.flush(FLUSH_WAIT_S)
        self._owned.connection.execute(
            "UPDATE shards SET published_seq = %s WHERE shard = %s AND epoch = %s",
            (self._publisher.published_seq, self._owned.shard, self._owned.epoch),
        )
        self.abandon()

    def abandon(self) -> None:
        """Let the shard go as it is: nothing more is said in its name, not of the commit in flight either."""
        self._snapshotting.end()
        self._reader.close()
        self._owned.connection.close()


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None, "a consumed message has an offset"  # noqa: S101 - an invariant
    return offset
