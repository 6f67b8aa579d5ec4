"""The Faust process that keeps the read models up to date.

One agent per topic feeds all of the topic's projections that the process hosts: Faust's cost is per record
and agent (measured: 120 us with one agent on a topic, 257 us with four), while a batch that is decoded once
and folded several times costs only the folds. On Kubernetes each projection can have a process of its own all
the same: name just that one, and a consumer group of its own.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import faust
import psycopg
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from projections import caught_up, generations, progress, store
from projections.projection import Document
from projections.registry import PROJECTIONS
from streams.attending import Attendance, AttendanceBounds
from streams.faust_broker import broker_options
from streams.lag_watch import LagWatch
from streams.lateness import Lateness
from streams.projector import Bounds, DeadLetter, Projector, ReadStates, Record, store_reader
from streams.sources import SOURCES
from streams.topics import ACCOUNTS, DEAD_LETTERS, EXECUTIONS
from streams.tuning import tune

log = logging.getLogger(__name__)

SAME_FETCH_MS = 1
"""Records of other partitions that came with the first one: Faust hands them over one by one."""


@dataclass(frozen=True)
class ReadModelsConfig:
    """What the process connects to, what it hosts, and its bounds."""

    kafka_bootstrap: str
    mongo_url: str
    mongo_database: str
    postgres_dsn: str
    folder: Path
    """Faust keeps a few files here."""
    partitions: int
    """Of each of the topics `executions` and `accounts`."""
    group: str = "read-models"
    """Kafka consumer group; processes that host the same projections share it."""
    projections: tuple[str, ...] = tuple(PROJECTIONS)
    dead_letters_replicas: int = 1
    records_per_batch_max: int = 64
    gather_ms_max: int = 30
    """A batch begins no sooner after the one before: part of how late a reader sees a write under load. One
    that took longer is followed at once by all that has come meanwhile."""
    bounds: Bounds = field(default_factory=Bounds)
    attendance: AttendanceBounds = field(default_factory=AttendanceBounds)
    look_ms: int = 1_000
    """How often to look whether another generation is to be fed."""
    commit_interval_ms: int = 500
    """Offsets are committed this often; what is not is done again after a crash, to no effect."""
    session_timeout_ms: int = 10_000
    records_buffered_max: int = 256
    """Of one partition, fetched ahead; a record has up to 256 KiB."""
    mongo_answer_ms_max: int = 10_000
    dead_letter_ms_max: int = 10_000
    stall_ms_max: int = 30_000
    """With records waiting and none processed for so long, the process ends itself."""
    stop_ms_max: int = 10_000


def run(config: ReadModelsConfig, on_ready: Callable[[], None] = lambda: None) -> None:
    """Run until SIGTERM or SIGINT, then finish the batch in hand and return.

    ``on_ready`` is called once, when partitions are assigned and progress is loaded. Where going on could
    lose a record, the process exits with code 1 on the spot: what was not committed comes again.
    """
    for talkative in ("faust", "mode", "aiokafka"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    tune()
    asyncio.run(_serve(config, on_ready))


def connect(config: ReadModelsConfig) -> Database[Document]:
    client: MongoClient[Document] = MongoClient(
        config.mongo_url,
        serverSelectionTimeoutMS=config.mongo_answer_ms_max,
        socketTimeoutMS=config.mongo_answer_ms_max,
        retryWrites=False,  # DocumentDB has none; ours are repeated by us
        w="majority",
    )
    return client[config.mongo_database]


async def _serve(config: ReadModelsConfig, on_ready: Callable[[], None]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    database = connect(config)
    await asyncio.to_thread(_prepare, database, config.projections)
    app = faust_app(config)
    watch = LagWatch(config.kafka_bootstrap, config.group, config.stall_ms_max, die)
    lateness = Lateness(config.kafka_bootstrap, config.group, database, _hosted(config))
    agents = _start_agents(app, config, database, watch, lateness)
    _follow_assignments(app, agents, watch, lateness, on_ready)
    app.finalize()
    starting = asyncio.ensure_future(app.start())
    if await _first_of(starting, stopping) is not starting:
        os._exit(0)  # nothing is in hand that would have to be finished
    await starting
    watch.start()
    lateness.start()
    looking = asyncio.ensure_future(_look_regularly(agents, config.look_ms))
    log.info("Following %s as %s", ", ".join(agent.topic for agent in agents), config.group)
    if await _first_of(asyncio.ensure_future(app.wait_until_stopped()), stopping) is not None:
        die(f"Faust stopped by itself: {app.crash_reason!r}", app.crash_reason)
    looking.cancel()
    lateness.stop()
    await _stop(app, watch, config.stop_ms_max)


def _prepare(database: Database[Document], names: Sequence[str]) -> None:
    store.prepare(generations.live_view(database), [PROJECTIONS[name] for name in names])
    progress.prepare(database)
    caught_up.prepare(database)


async def _look_regularly(agents: Sequence["Agent"], every_ms: int) -> None:
    while True:
        await asyncio.sleep(every_ms / 1000)
        for agent in agents:
            await agent.look()


async def _first_of(work: asyncio.Future[Any], stopping: asyncio.Event) -> asyncio.Future[Any] | None:
    """Return ``work`` if it is done before ``stopping`` is set, else ``None``."""
    stopped = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    return None if stopping.is_set() else work


async def _stop(app: faust.App, watch: LagWatch, stop_ms_max: int) -> None:
    watch.stop()
    try:
        await asyncio.wait_for(app.stop(), stop_ms_max / 1000)
    except TimeoutError:
        die(f"not stopped after {stop_ms_max} ms")


def faust_app(config: ReadModelsConfig) -> faust.App:
    """Return a Faust app without what this system has no use for: web server, tables, leader, new topics."""
    return faust.App(
        config.group,
        **broker_options(config.kafka_bootstrap),
        datadir=config.folder,
        autodiscover=False,
        web_enabled=False,
        store="memory://",
        topic_allow_declare=False,  # they are there: made on purpose, with the right settings
        topic_disable_leader=True,
        topic_partitions=config.partitions,
        topic_replication_factor=config.dead_letters_replicas,
        key_serializer="raw",
        value_serializer="raw",
        broker_commit_interval=config.commit_interval_ms / 1000,
        broker_session_timeout=config.session_timeout_ms / 1000,
        broker_heartbeat_interval=config.session_timeout_ms / 1000 / 4,
        broker_rebalance_timeout=config.session_timeout_ms * 2 / 1000,
        broker_request_timeout=config.session_timeout_ms * 3 / 1000,
        broker_check_crcs=True,
        stream_buffer_maxsize=config.records_buffered_max,
        stream_wait_empty=False,  # writes are guarded by seq: who comes after need not wait for us
        stream_recovery_delay=0,
        producer_acks=-1,
        worker_redirect_stdouts=False,
    )


class Agent:
    """Consumes one topic and feeds its projections; folds and writes in a thread, so that Kafka's heartbeats
    go on meanwhile.
    """

    def __init__(
        self,
        config: ReadModelsConfig,
        topic: str,
        names: Sequence[str],
        database: Database[Document],
        dead_letters: Any,
        watch: LagWatch,
        lateness: Lateness,
    ) -> None:
        self.config = config
        self.topic = topic
        self.projections = [PROJECTIONS[name] for name in names]
        self.database = database
        self.dead_letters = dead_letters
        self.watch = watch
        self.lateness = lateness
        self.read_states: ReadStates = store_reader(config.postgres_dsn)
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=topic)
        self.projector: Projector | None = None
        self.attendance: Attendance | None = None

    async def load(self, owned: Sequence[int] = ()) -> None:
        """Begin anew from what is written: other partitions are ours now."""
        await self._in_thread(partial(self._begin, owned))

    def _begin(self, owned: Sequence[int]) -> list[DeadLetter]:
        """Write what waits first: the records it is from may not come again, acknowledged or not."""
        letters = [] if self.projector is None else self.projector.process(())
        self.projector = self._new_projector()
        self.attendance = Attendance(self.projector, owned, self.config.attendance)
        self.attendance.look()  # before the first record
        return letters

    async def look(self) -> None:
        """Between two batches: feed the generations that are to be fed now. With a database away, the next
        look will do.
        """
        if self.attendance is None:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self.thread, self.attendance.look)
        except (PyMongoError, psycopg.Error) as error:
            log.warning("%s: cannot look after the generations: %s", self.topic, error)
        except Exception as error:  # noqa: BLE001 - what is fed is not what should be
            die(f"{self.topic}: {error!r}", error)

    def _new_projector(self) -> Projector:
        config = self.config
        return Projector(
            self.database,
            self.topic,
            config.partitions,
            self.projections,
            self.read_states,
            config.bounds,
            partial(self.watch.busy, self.topic),
        )

    async def consume(self, stream: Any) -> None:
        """Process what came while the last batch was in hand, batch by batch; acknowledge what is done.

        Faust's own ``take`` waits its time out after each batch as well, and looks around all the time.
        """
        stream.enable_acks = False
        waiting: asyncio.Queue[Any] = asyncio.Queue(self.config.records_per_batch_max)
        work = asyncio.ensure_future(self._batch_by_batch(stream, waiting))
        work.add_done_callback(self._must_go_on)
        try:
            async for event in stream.events():
                await waiting.put(event)
        finally:
            work.cancel()
            await asyncio.wait({work})  # a batch in hand is finished

    def _must_go_on(self, work: asyncio.Future[None]) -> None:
        if not work.cancelled() and (error := work.exception()):
            die(f"{self.topic}: {error!r}", error)

    async def _batch_by_batch(self, stream: Any, waiting: asyncio.Queue[Any]) -> None:
        """Acknowledge what came once all of it is written: what is not pressing is so a few batches later."""
        began = 0.0
        unacknowledged: list[Any] = []
        while True:
            events = await self._next_batch(waiting, began)
            began = monotonic()
            await self._whole(events)
            unacknowledged += events
            if self._rest_due_s() is None:
                await self._acknowledge(stream, unacknowledged)
                unacknowledged = []

    async def _next_batch(self, waiting: asyncio.Queue[Any], began: float) -> list[Any]:
        """Wait for a batch; it is empty where what waits is to be written before more has come."""
        try:
            events = [await asyncio.wait_for(waiting.get(), self._rest_due_s())]
        except TimeoutError:
            return []
        most = self.config.records_per_batch_max
        if waiting.qsize() + 1 < most:  # a whole batch that is there does not wait
            gather_s = began + self.config.gather_ms_max / 1000 - monotonic()
            await asyncio.sleep(max(SAME_FETCH_MS / 1000, gather_s))
        while len(events) < most and not waiting.empty():
            events.append(waiting.get_nowait())
        return events

    def _rest_due_s(self) -> float | None:
        return None if self.projector is None else self.projector.rest_due_s

    async def _acknowledge(self, stream: Any, events: Sequence[Any]) -> None:
        for event in events:
            await stream.ack(event)
            self.lateness.processed(self.topic, event.message.partition, event.message.offset)

    async def _whole(self, events: Sequence[Any]) -> None:
        """Process a batch to its end, or end the process: after it, nothing is half done."""
        records = [Record(event.message.partition, event.message.offset, event.value) for event in events]
        work = asyncio.ensure_future(self._process(records))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})
            if not work.cancelled() and (error := work.exception()):
                die(f"{self.topic}: {error!r}", error)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: this batch is not done
            die(f"{self.topic}: {error!r}", error)

    async def _process(self, records: Sequence[Record]) -> None:
        await self._in_thread(partial(self._feed, records))

    def _feed(self, records: Sequence[Record]) -> list[DeadLetter]:
        letters = [] if self.projector else self._begin(())
        assert self.projector is not None, "begun"  # noqa: S101 - an invariant
        return letters + self.projector.process_pressing(records)

    async def _in_thread(self, work: Callable[[], list[DeadLetter]]) -> None:
        """Everything that touches the projector happens in its thread, one thing after the other."""
        for letter in await asyncio.get_running_loop().run_in_executor(self.thread, work):
            await asyncio.wait_for(self._bury(letter), self.config.dead_letter_ms_max / 1000)

    async def _bury(self, letter: DeadLetter) -> None:
        headers = {name: text.encode() for name, text in letter.headers.items()}
        sent = await self.dead_letters.send(value=letter.value, headers=headers)
        await sent


def _start_agents(
    app: faust.App,
    config: ReadModelsConfig,
    database: Database[Document],
    watch: LagWatch,
    lateness: Lateness,
) -> list[Agent]:
    raw: dict[str, Any] = {"value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    dead_letters = app.topic(DEAD_LETTERS, **raw)
    agents = []
    for topic, hosted in _hosted(config).items():
        agent = Agent(config, topic, hosted, database, dead_letters, watch, lateness)
        app.agent(app.topic(topic, **raw), name=topic, concurrency=1)(agent.consume)
        agents.append(agent)
    return agents


def _hosted(config: ReadModelsConfig) -> dict[str, list[str]]:
    """Return the projections that the process hosts, by topic."""
    by_topic = {
        topic: [name for name in config.projections if SOURCES[name] == topic]
        for topic in (EXECUTIONS, ACCOUNTS)
    }
    return {topic: names for topic, names in by_topic.items() if names}


def _follow_assignments(
    app: faust.App,
    agents: Sequence[Agent],
    watch: LagWatch,
    lateness: Lateness,
    on_ready: Callable[[], None],
) -> None:
    ready = False

    async def on_assigned(*args: Any, **_: Any) -> None:
        nonlocal ready
        _, assigned = args  # the sender, and what is assigned now
        for agent in agents:
            await agent.load([place.partition for place in assigned if place.topic == agent.topic])
        places = {(place.topic, place.partition) for place in assigned}
        watch.follow(places)
        lateness.follow(places)
        log.info("Assigned: %s", sorted((place.topic, place.partition) for place in assigned))
        if not ready:
            ready = True
            on_ready()

    app.on_partitions_assigned.connect(on_assigned, weak=False)


def die(why: str, error: BaseException | None = None) -> None:
    """End the process here and now, without anything being acknowledged or committed on the way out."""
    log.critical("Ending the process: %s", why, exc_info=error)
    for handler in logging.getLogger().handlers:
        with suppress(Exception):
            handler.flush()
    os._exit(1)
