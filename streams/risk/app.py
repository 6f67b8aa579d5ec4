"""The Faust process of the risk engine: two agents, one thread that does all the work, and two clocks.

``accounts`` and ``executions`` are shared among the workers by partition; prices come to every worker by
``PriceWatch``. What a batch decides is on record and sent before the batch is done; what it folded is written
a little later, and only then acknowledged: after a crash it comes again, and changes nothing.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faust
from pymongo import MongoClient
from pymongo.database import Database

from projections.projection import Document
from projections.risk.prices import PriceBook
from streams.projector import DeadLetter, Record, store_reader
from streams.read_models import ReadModelsConfig, die, faust_app
from streams.risk import views
from streams.risk.engine import Engine, EngineBounds
from streams.risk.migrating import engine as sql_engine
from streams.risk.outbox import Log, Outbox
from streams.risk.price_watch import PriceWatch
from streams.risk.records import Records
from streams.risk.webhook import WebhookConfig, WebhookSender
from streams.topics import ACCOUNTS, DEAD_LETTERS, EXECUTIONS

log = logging.getLogger(__name__)

GROUP = "risk"
SAME_FETCH_MS = 1
PRICE_LOOK_S = 0.005
SWEPT_AT_ONCE_MAX = 50


@dataclass(frozen=True)
class RiskConfig:
    """What the process connects to, and its bounds."""

    kafka_bootstrap: str
    mongo_url: str
    mongo_database: str
    postgres_dsn: str
    folder: Path
    """Faust keeps a few files here."""
    partitions: int
    shards: int = 1
    bounds: EngineBounds = field(default_factory=EngineBounds)
    webhook: WebhookConfig | None = None
    bar_s: int = 3_600
    bars_max: int = 501
    dead_letters_replicas: int = 1
    records_per_batch_max: int = 64
    mongo_answer_ms_max: int = 10_000
    dead_letter_ms_max: int = 10_000
    stop_ms_max: int = 10_000


class Worker:
    """All that the process does besides talking to Kafka, in one thread of its own."""

    def __init__(self, config: RiskConfig, log_of_commands: Log) -> None:
        self.config = config
        client: MongoClient[Document] = MongoClient(
            config.mongo_url,
            serverSelectionTimeoutMS=config.mongo_answer_ms_max,
            socketTimeoutMS=config.mongo_answer_ms_max,
            retryWrites=False,
            w="majority",
        )
        self.database: Database[Document] = client[config.mongo_database]
        self.book = PriceBook(config.bar_s, config.bars_max)
        self.records = Records(sql_engine(config.postgres_dsn))
        self.prices = PriceWatch(config.kafka_bootstrap, self.database, config.partitions)
        self.engine = Engine(
            self.book,
            self.records,
            Outbox(log_of_commands, config.shards),
            self.database,
            config.partitions,
            store_reader(config.postgres_dsn),
            config.bounds,
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="risk")
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writing")
        self._begun = False

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do it in the thread that judges, to its end."""
        return await self._whole(self._thread, work, *arguments)

    async def aside(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do it beside that, so that no breach waits for a database."""
        return await self._whole(self._writing, work, *arguments)

    async def _whole(self, thread: ThreadPoolExecutor, work: Callable[..., Any], *arguments: Any) -> Any:
        """Where that fails the process ends, and begins anew."""
        doing = asyncio.get_running_loop().run_in_executor(thread, work, *arguments)
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait({doing})
            if (error := doing.exception()) is not None:
                die(f"risk: {error!r}", error)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: this is not done
            die(f"risk: {error!r}", error)

    def load(self, owned: dict[str, set[int]]) -> None:
        if not self._begun:
            views.prepare(self.database)
            self.engine.outbox.log.connect()
            self.prices.begin(self.book)
            for symbol, bars in self.records.bars(self.book.bar_s).items():
                if market := self.book.markets.get(symbol):
                    market.restore(bars)
            self.prices.start()
            self._begun = True
        self.engine.load(owned)

    def take(self, topic: str, records: Sequence[Record]) -> list[DeadLetter]:
        self.engine.take_prices(self.prices.waiting)
        taking = self.engine.take_accounts if topic == ACCOUNTS else self.engine.take_executions
        return taking(records)

    def look_at_prices(self) -> None:
        self.engine.take_prices(self.prices.waiting)
        if self.engine.moved:
            self.engine.look_at_moves()


class Agent:
    """Consumes one topic, batch by batch; acknowledges what is written."""

    def __init__(self, topic: str, worker: Worker, dead_letters: Any) -> None:
        self.topic = topic
        self.worker = worker
        self.config = worker.config
        self.dead_letters = dead_letters
        self.done: list[tuple[Any, Any]] = []

    async def consume(self, stream: Any) -> None:
        stream.enable_acks = False
        waiting: asyncio.Queue[Any] = asyncio.Queue(self.config.records_per_batch_max)
        work = asyncio.ensure_future(self._batch_by_batch(stream, waiting))
        work.add_done_callback(self._must_go_on)
        try:
            async for event in stream.events():
                await waiting.put(event)
        finally:
            work.cancel()
            await asyncio.wait({work})

    def _must_go_on(self, work: asyncio.Future[None]) -> None:
        if not work.cancelled() and (error := work.exception()):
            die(f"{self.topic}: {error!r}", error)

    async def _batch_by_batch(self, stream: Any, waiting: asyncio.Queue[Any]) -> None:
        while True:
            events = [await waiting.get()]
            await asyncio.sleep(SAME_FETCH_MS / 1000)
            while len(events) < self.config.records_per_batch_max and not waiting.empty():
                events.append(waiting.get_nowait())
            records = [Record(each.message.partition, each.message.offset, each.value) for each in events]
            for letter in await self.worker.run(self.worker.take, self.topic, records):
                await asyncio.wait_for(self._bury(letter), self.config.dead_letter_ms_max / 1000)
            self.done += [(stream, event) for event in events]

    def take_done(self) -> list[tuple[Any, Any]]:
        """Return what is folded and not yet acknowledged, each with its stream."""
        done, self.done = self.done, []
        return done

    async def _bury(self, letter: DeadLetter) -> None:
        headers = {name: text.encode() for name, text in letter.headers.items()}
        await (await self.dead_letters.send(value=letter.value, headers=headers))


def run(config: RiskConfig, log_of_commands: Log, on_ready: Callable[[], None] = lambda: None) -> None:
    """Run until SIGTERM or SIGINT. ``on_ready`` is called once, when partitions are assigned and loaded.

    Where going on could lose or double something, the process exits with code 1 on the spot.
    """
    for talkative in ("faust", "mode", "aiokafka", "alembic"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    asyncio.run(_serve(config, Worker(config, log_of_commands), on_ready))


async def _serve(config: RiskConfig, worker: Worker, on_ready: Callable[[], None]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    app = _app(config)
    agents = _agents(app, worker)
    loaded = _follow_assignments(app, worker, agents, on_ready)
    app.finalize()
    starting = asyncio.ensure_future(app.start())
    stopped = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if stopping.is_set():
        die("stopped while starting")
    await starting
    webhook = WebhookSender(config.webhook, worker.records.engine) if config.webhook else None
    if webhook:
        webhook.start()
    clocks = asyncio.ensure_future(_clocks(config, worker, agents, loaded))
    ended = asyncio.ensure_future(app.wait_until_stopped())
    await asyncio.wait({ended, stopped, clocks}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.is_set():
        error = clocks.exception() if clocks.done() else None
        die(f"risk stopped by itself: {error or app.crash_reason!r}", error or app.crash_reason)
    clocks.cancel()
    if webhook:
        webhook.stop()
    await asyncio.wait({clocks})
    await _flush(worker, agents)
    try:
        await asyncio.wait_for(app.stop(), config.stop_ms_max / 1000)
    except TimeoutError:
        die(f"not stopped after {config.stop_ms_max} ms")


def _app(config: RiskConfig) -> faust.App:
    """As the read models' app, with a consumer group of its own."""
    return faust_app(
        ReadModelsConfig(
            kafka_bootstrap=config.kafka_bootstrap,
            mongo_url=config.mongo_url,
            mongo_database=config.mongo_database,
            postgres_dsn=config.postgres_dsn,
            folder=config.folder,
            partitions=config.partitions,
            group=GROUP,
            dead_letters_replicas=config.dead_letters_replicas,
        )
    )


def _agents(app: faust.App, worker: Worker) -> list[Agent]:
    raw: dict[str, Any] = {"value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    dead_letters = app.topic(DEAD_LETTERS, **raw)
    agents = [Agent(topic, worker, dead_letters) for topic in (ACCOUNTS, EXECUTIONS)]
    for agent in agents:
        app.agent(app.topic(agent.topic, **raw), name=agent.topic, concurrency=1)(agent.consume)
    return agents


def _follow_assignments(
    app: faust.App, worker: Worker, agents: Sequence[Agent], on_ready: Callable[[], None]
) -> asyncio.Event:
    """Load anew with each assignment. Return what is set when that was done for the first time."""
    loaded = asyncio.Event()

    async def on_assigned(*args: Any, **_: Any) -> None:
        _, assigned = args
        owned: dict[str, set[int]] = {}
        for place in assigned:
            owned.setdefault(place.topic, set()).add(place.partition)
        for agent in agents:
            agent.take_done()  # what was not acknowledged comes again, here or elsewhere
        await worker.run(worker.load, owned)
        log.info("Assigned: %s", {topic: sorted(numbers) for topic, numbers in owned.items()})
        if not loaded.is_set():
            loaded.set()
            on_ready()

    app.on_partitions_assigned.connect(on_assigned, weak=False)
    return loaded


async def _clocks(config: RiskConfig, worker: Worker, agents: Sequence[Agent], loaded: asyncio.Event) -> None:
    """Look at prices as they come, write what changed, and look anew each second."""
    await loaded.wait()
    looking = asyncio.gather(
        _look_at_prices(worker),
        _regularly(config.bounds.flush_ms, lambda: _flush(worker, agents)),
        _regularly(config.bounds.sweep_ms, lambda: _sweep(worker)),
    )
    await looking


async def _regularly(every_ms: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        await asyncio.sleep(every_ms / 1000)
        await work()


async def _look_at_prices(worker: Worker) -> None:
    while True:
        await asyncio.sleep(PRICE_LOOK_S)
        if worker.prices.waiting:
            await worker.run(worker.look_at_prices)


async def _sweep(worker: Worker) -> None:
    """Look at everything anew, a few accounts at a time: what has just happened comes in between."""
    read = await worker.aside(worker.engine.read_thresholds)
    accounts = await worker.run(worker.engine.begin_sweep, read)
    for start in range(0, len(accounts), SWEPT_AT_ONCE_MAX):
        await worker.run(worker.engine.judge_anew, accounts[start : start + SWEPT_AT_ONCE_MAX])
    bars = await worker.run(worker.engine.take_bars)
    await worker.aside(worker.engine.keep_bars, bars)


async def _flush(worker: Worker, agents: Sequence[Agent]) -> None:
    """Write what is folded, then acknowledge the records it came from."""
    taken = [agent.take_done() for agent in agents]
    changes = await worker.run(worker.engine.take_changes)
    await worker.aside(worker.engine.write, changes)
    for done in taken:
        for stream, event in done:
            await stream.ack(event)
