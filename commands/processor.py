"""The order processor: consume, decide, commit, publish, reply. One loop, one thread, no shared state.

Nothing is acknowledged before its commit, and nothing is remembered that is not in the store: where a commit
fails or its outcome is unknown the process stops, and its successor reads in the store what happened.
"""

import gc
from collections.abc import Callable, Iterator
from threading import Event as Flag

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from commands.committer import wait_for
from commands.following import Following
from commands.ownership import take_over
from commands.rebuilding import LostHistoryError
from commands.replies import Replies
from commands.shard_processor import COMMANDS_AT_ONCE_MAX, ProcessorConfig, ShardProcessor
from streams import topics
from streams.kafka_address import client_options
from streams.publisher import make_producer

GROUP = "order-processors"
SESSION_TIMEOUT_MS = 6_000
HEARTBEAT_MS = 1_000
"""So soon a standby learns that it is its turn."""
IDLE_WAIT_S = 0.1
COMMIT_LOOK_S = 0.001
"""With a commit in flight and no commands, so long between two looks for commands."""
WATERMARK_WAIT_S = 10.0
QUEUED_KBYTES_MAX = 65_536
CONSUMED_AT_ONCE_MAX = 16  # records, each with up to as many commands as the API takes at once
COMMAND_MARK = b'"command_id":'  # every command has one; counted before anything is decoded
GARBAGE_THRESHOLDS = (50_000, 20, 100)
"""What we make hardly ever refers to itself; looking for what does took a seventh of the time."""


class Processor:
    """Runs the shards that Kafka's consumer group assigns to this process."""

    def __init__(self, config: ProcessorConfig, on_ready: Callable[[], None]) -> None:
        self._config = config
        self._on_ready = on_ready
        self._shards: dict[int, ShardProcessor] = {}
        self._following = Following(config.postgres_dsn, config.partitions, config.ids_expected)
        self._replies = Replies(config.redis_url)
        self._producer = make_producer(config.kafka_bootstrap, "order-processor")
        self._consumer = Consumer(
            {
                **client_options(config.kafka_bootstrap),
                "group.id": GROUP,
                "group.instance.id": config.instance,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                # A processor that comes or goes moves its own shards only: the others go on deciding.
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": SESSION_TIMEOUT_MS,
                "heartbeat.interval.ms": HEARTBEAT_MS,
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": QUEUED_KBYTES_MAX,
            }
        )

    def run(self, stop: Flag) -> None:
        """Process until ``stop`` is set; then finish, publish, and leave the group."""
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        self._consumer.subscribe(
            [topics.ORDERS], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        while not stop.is_set():
            if not self._shards:
                self._following.look()
            due_s = self._advance()
            committing = [shard.committer for shard in self._shards.values() if shard.committer.busy]
            taken = self._take(0 if committing else due_s)
            if committing and not taken:
                wait_for(committing, COMMIT_LOOK_S)
        self._release_all()
        self._following.stop()
        self._consumer.close()

    def _advance(self) -> float:
        """Move every shard on. Return for how many seconds there is nothing to do but wait for commands."""
        due = [shard.advance() for shard in self._shards.values()]
        return min(
            (seconds for seconds in due if seconds is not None and seconds < IDLE_WAIT_S), default=IDLE_WAIT_S
        )

    def _take(self, wait_s: float) -> bool:
        """Have commands decided, if there are any, and room for them."""
        if any(shard.full for shard in self._shards.values()):
            return False
        messages = self._consume(wait_s)
        by_shard: dict[int, list[Message]] = {}
        for message in messages:
            by_shard.setdefault(message.partition() or 0, []).append(message)
        for number, its_messages in by_shard.items():
            # One that was given away meanwhile has an owner elsewhere, who is given them again.
            if shard := self._shards.get(number):
                shard.take(its_messages)
        return bool(messages)

    def _consume(self, wait_s: float) -> list[Message]:
        """Wait for a first command, then take those that are there: alone it does not wait for company."""
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        messages = list(self._with_company(first))
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
        return messages

    def _with_company(self, first: Message) -> Iterator[Message]:
        """Yield what is there, until it has as many commands as are decided at once, or a little more."""
        taken = [first]
        count = 0
        while taken:
            yield from taken
            count += sum((message.value() or b"").count(COMMAND_MARK) for message in taken)
            wanted = min(CONSUMED_AT_ONCE_MAX, COMMANDS_AT_ONCE_MAX - count)
            taken = self._consumer.consume(wanted, 0) if wanted > 0 else []

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            owned = take_over(self._config.postgres_dsn, partition.partition)
            self._check_offset(consumer, partition, owned.next_offset)
            followed = self._following.take(owned.shard, owned.published_seq)
            self._shards[owned.shard] = ShardProcessor(
                self._config, owned, self._producer, self._replies, followed
            )
            partition.offset = owned.next_offset
        consumer.incremental_assign(partitions)
        if self._shards:
            self._following.stop()
        gc.freeze()  # what was rebuilt is here to stay
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
            if shard := self._shards.pop(partition.partition, None):
                shard.abandon()

    def _release_all(self) -> None:
        while self._shards:
            self._shards.popitem()[1].release()
