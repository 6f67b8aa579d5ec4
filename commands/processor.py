"""The order processor: consume, decide, commit, publish, reply. One loop, one thread, no shared state.

Nothing is acknowledged before its commit, and nothing is remembered that is not in the store: where a commit
fails or its outcome is unknown the process stops, and its successor reads in the store what happened.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event as Flag

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from commands.batch import Batch, Placed, asked_before
from commands.hash_chain import CommitHeader, chain
from commands.messages import CommandMessage, decode_command
from commands.ownership import Ownership, take_over
from commands.recorder import Commit, ShardRecorder
from commands.replies import Replies
from commands.shard import Shard
from domain.state_hash import VERSION
from streams import topics
from streams.codec import RecordedEvent, decode_recorded
from streams.history import read_events, read_states
from streams.progress import Place, write_token
from streams.publisher import Publisher, make_producer

logger = logging.getLogger(__name__)

GROUP = "order-processors"
SESSION_TIMEOUT_MS = 6_000
IDLE_WAIT_S = 0.1
FLUSH_WAIT_S = 10.0
WATERMARK_WAIT_S = 10.0
QUEUED_KBYTES_MAX = 65_536


class LostHistoryError(Exception):
    """Kafka lacks the command that comes next, or the store contradicts itself: nothing is guessed."""


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


class ShardProcessor:
    """Owns one shard: its memory, its recorder, its publisher."""

    def __init__(
        self, config: ProcessorConfig, owned: Ownership, producer: Producer, replies: Replies
    ) -> None:
        self.next_offset = owned.next_offset
        self._owned = owned
        self._committed_offset = owned.next_offset
        self._chain_hash = owned.chain_hash
        self._replies = replies
        self._recorder = ShardRecorder(owned.connection, owned.shard)
        self._shard = Shard(owned.shard, config.partitions, config.ids_expected)
        self._publisher = self._rebuild(producer)

    # --- Recovery ---------------------------------------------------------------------------------------

    def _rebuild(self, producer: Producer) -> Publisher:
        """Replay the store; publish again what may not have been published."""
        owned, shard = self._owned, self._shard
        shard.replay(read_events(owned.connection, owned.shard, until=owned.published_seq))
        publisher = Publisher(producer, owned.shard, dict(shard.places), owned.published_seq)
        for state in read_states(owned.connection, owned.shard, after=owned.published_seq):
            recorded = decode_recorded(state)
            shard.replay((recorded,))
            publisher.add(topics.destination(recorded.event, shard.partitions), recorded.seq, state)
        self._check_rebuilt()
        return publisher

    def _check_rebuilt(self) -> None:
        owned, shard = self._owned, self._shard
        if shard.last_seq != owned.last_seq:
            message = (
                f"shard {owned.shard}: its row says seq {owned.last_seq}, its events end at {shard.last_seq}"
            )
            raise LostHistoryError(message)
        row = owned.connection.execute(
            "SELECT state_hash FROM commits WHERE shard = %s AND last_seq = %s AND state_hash_version = %s",
            (owned.shard, owned.last_seq, VERSION),
        ).fetchone()
        if row is not None and int.from_bytes(row[0], "big") != shard.exchange.state_hash:
            message = (
                f"shard {owned.shard}: its {owned.last_seq} events, replayed, give another state than it had"
            )
            raise LostHistoryError(message)
        logger.info("shard %s: rebuilt up to seq %s, epoch %s", owned.shard, owned.last_seq, owned.epoch)

    # --- A batch ----------------------------------------------------------------------------------------

    def process(self, messages: Sequence[Message]) -> None:
        """Decide, commit, publish and answer one batch. Raises where a commit failed or may have failed."""
        fresh = [message for message in messages if _offset(message) >= self.next_offset]
        if fresh and _offset(fresh[0]) != self.next_offset:
            given = fresh[0].offset()
            raise LostHistoryError(
                f"shard {self._owned.shard}: offset {self.next_offset} is next, not {given}"
            )
        commands = self._decoded(fresh)
        now_us = self._now_us()
        batch = Batch(self._shard, now_us, self._earlier(commands))
        for command in commands:
            batch.handle(command)
        placed = batch.close()
        if fresh:
            self.next_offset = _offset(fresh[-1]) + 1
        if placed:
            self._commit(placed, now_us)
        for event in placed:
            self._publisher.add(event.place, event.seq, event.stored.state)
        self._replies.send(self._token(placed), batch.outcomes)

    def _decoded(self, messages: Sequence[Message]) -> list[CommandMessage]:
        """Decode the commands; what is none is put aside, with the reason."""
        commands = []
        for message in messages:
            try:
                commands.append(decode_command(message.value() or b""))
            except msgspec.DecodeError as error:
                logger.warning("no command at offset %s: %s", message.offset(), error)
                self._publisher.dead_letter(message, f"no command: {error}")
        return commands

    def _earlier(self, commands: Sequence[CommandMessage]) -> Mapping[str, Sequence[RecordedEvent]]:
        """Return the history of each id that was used before: one query, and only if there may be any."""
        exchange = self._shard.exchange
        ids = (stream for message in commands for stream in asked_before(exchange, message.command))
        suspects = self._shard.known.suspects(ids)
        if not suspects:
            return {}
        found = self._recorder.select_streams(suspects)
        return {stream: [decode_recorded(state) for state in states] for stream, states in found.items()}

    def _commit(self, placed: Sequence[Placed], now_us: int) -> None:
        self._shard.now_us = now_us
        header = CommitHeader(
            shard=self._owned.shard,
            epoch=self._owned.epoch,
            first_seq=placed[0].seq,
            last_seq=placed[-1].seq,
            next_offset=self.next_offset,
            occurred_at_us=now_us,
            state_hash=self._shard.exchange.state_hash,
        )
        self._chain_hash = chain(self._chain_hash, header, (event.stored.state for event in placed))
        commit = Commit(header, self._committed_offset, self._publisher.published_seq, self._chain_hash)
        self._recorder.insert_events([event.stored for event in placed], commit=commit)
        self._committed_offset = self.next_offset

    def _token(self, placed: Sequence[Placed]) -> str:
        """Return the token for what the batch wrote; where it wrote nothing, for all that was written."""
        seqs = {event.place: event.seq for event in placed} or self._shard.places
        shard = self._owned.shard
        return write_token({Place(place.topic, place.partition, shard): seq for place, seq in seqs.items()})

    def _now_us(self) -> int:
        """Time never runs backwards within a shard, whatever the machine's clock does."""
        return max(self._shard.now_us, time.time_ns() // 1_000)

    def expire(self) -> float | None:
        """End the orders whose time has come. Return after how many seconds to call again, if at all."""
        next_us = self._shard.exchange.next_expiry_us()
        if next_us is not None and next_us <= self._now_us():
            self.process(())
            next_us = self._shard.exchange.next_expiry_us()
        return None if next_us is None else max(0.0, (next_us - self._now_us()) / 1e6)

    # --- Publishing and the end -------------------------------------------------------------------------

    def send_due(self) -> float | None:
        """Publish what has gathered. Return after how many seconds to call again, if at all."""
        return self._publisher.send_due()

    def release(self) -> None:
        """Publish all there is, note how far that is, and let the shard go."""
        self._publisher.flush(FLUSH_WAIT_S)
        self._owned.connection.execute(
            "UPDATE shards SET published_seq = %s WHERE shard = %s AND epoch = %s",
            (self._publisher.published_seq, self._owned.shard, self._owned.epoch),
        )
        self._owned.connection.close()


class Processor:
    """Runs the shards that Kafka's consumer group assigns to this process."""

    def __init__(self, config: ProcessorConfig, on_ready: Callable[[], None]) -> None:
        self._config = config
        self._on_ready = on_ready
        self._shards: dict[int, ShardProcessor] = {}
        self._replies = Replies(config.redis_url)
        self._producer = make_producer(config.kafka_bootstrap, "order-processor")
        self._consumer = Consumer(
            {
                "bootstrap.servers": config.kafka_bootstrap,
                "group.id": GROUP,
                "group.instance.id": config.instance,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "session.timeout.ms": SESSION_TIMEOUT_MS,
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": QUEUED_KBYTES_MAX,
            }
        )

    def run(self, stop: Flag) -> None:
        """Process until ``stop`` is set; then finish, publish, and leave the group."""
        self._consumer.subscribe(
            [topics.ORDERS], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        wait_s = IDLE_WAIT_S
        while not stop.is_set():
            for shard, messages in self._consume(wait_s).items():
                self._shards[shard].process(messages)
            due = [when for shard in self._shards.values() for when in (shard.expire(), shard.send_due())]
            wait_s = min((seconds for seconds in due if seconds is not None), default=IDLE_WAIT_S)
            wait_s = min(wait_s, IDLE_WAIT_S)
        self._release_all()
        self._consumer.close()

    def _consume(self, wait_s: float) -> dict[int, list[Message]]:
        """Wait for a first command, then take all that are there: alone it does not wait for company."""
        first = self._consumer.poll(wait_s)
        if first is None:
            return {}
        by_shard: dict[int, list[Message]] = {}
        for message in (first, *self._consumer.consume(self._config.batch_commands_max - 1, 0)):
            if (error := message.error()) is not None:
                raise KafkaException(error)
            by_shard.setdefault(message.partition() or 0, []).append(message)
        return by_shard

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            owned = take_over(self._config.postgres_dsn, partition.partition)
            self._check_offset(consumer, partition, owned.next_offset)
            self._shards[owned.shard] = ShardProcessor(self._config, owned, self._producer, self._replies)
            partition.offset = owned.next_offset
        consumer.assign(partitions)
        self._on_ready()

    def _check_offset(self, consumer: Consumer, partition: TopicPartition, next_offset: int) -> None:
        low, high = consumer.get_watermark_offsets(partition, timeout=WATERMARK_WAIT_S)
        if not low <= next_offset <= high:
            message = (
                f"shard {partition.partition} goes on at offset {next_offset} of {topics.ORDERS}, but Kafka "
                f"has {low} to {high}: commands are missing; restore the topic before you start again"
            )
            raise LostHistoryError(message)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            if shard := self._shards.pop(partition.partition, None):
                shard.release()

    def _lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Someone else owns these by now: nothing more may be said in their name."""
        for partition in partitions:
            self._shards.pop(partition.partition, None)

    def _release_all(self) -> None:
        while self._shards:
            self._shards.popitem()[1].release()


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None, "a consumed message has an offset"  # noqa: S101 - an invariant
    return offset
