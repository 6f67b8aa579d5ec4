"""What every run does before and after its orders: bring the stack up, wait for the read models, prove."""

import secrets
from collections.abc import Coroutine
from typing import Any, Literal

import psycopg
from pymongo import MongoClient
from pymongo.database import Database
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from projections.projection import Document
from stack import services
from stack.identity import first_user
from stack.load import bounds
from stack.load.gathering import GatheringClient
from stack.load.measurements import Measurements
from stack.load.proofs import Proofs, Said, head, prove_history, prove_read_models
from stack.load.websocket import WebSocketClient
from stack.ports import HOST
from stack.running import Stack
from stack.settings import Settings
from streams import compare
from streams.progress import Place

Transport = Literal["rest", "ws"]
CLIENTS: dict[Transport, type[GatheringClient]] = {"rest": GatheringClient, "ws": WebSocketClient}

CONNECT_S = 10
TOKEN_S = 30 * 86_400  # a demo without --for may run for days


def new_run_id() -> str:
    return secrets.token_hex(4)


def bring_up(settings: Settings) -> Settings:
    """Start what does not run yet; return the settings of what runs."""
    stack = Stack(settings)
    stack.up(services.names(settings))
    first_user(stack.settings)
    return stack.settings


def client_of(
    settings: Settings, patience_s: float = bounds.RETRY_S_MAX, transport: Transport = "rest"
) -> GatheringClient:
    """Return a client that may do everything: it sets up markets and trades for all accounts."""
    return CLIENTS[transport](
        f"http://{HOST}:{settings.command_api_port}",
        f"http://{HOST}:{settings.query_api_port}",
        admin_token(settings),
        patience_s,
    )


def admin_token(settings: Settings) -> str:
    """Return a token that sets a venue up, its limits too, and trades for all accounts: no one role may."""
    from api.auth import Role, mint_token
    from api.permissions import EVERY_ACCOUNT

    roles: list[Role] = ["admin", "operator", "risk", "trader"]
    return mint_token(settings.token_secret, "load", roles, [EVERY_ACCOUNT], valid_s=TOKEN_S)


def progress_bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def run_async(main: Coroutine[Any, Any, None]) -> None:
    """Run with uvloop; of several failures at once the first is told."""
    import uvloop

    try:
        uvloop.run(main)
    except BaseExceptionGroup as failures:
        raise _first(failures) from None


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def prove(settings: Settings, run_id: str, measured: Measurements, progress: Progress) -> Proofs:
    """Replay the events, wait until the read models caught up, and compare them with the events."""
    with (
        psycopg.connect(settings.postgres_dsn, autocommit=True, connect_timeout=CONNECT_S) as store,
        mongo_client(settings) as mongo,
    ):
        with store.transaction():  # at one moment: what one shard has by then received, another has sent
            store.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            ends = [head(store, shard) for shard in range(settings.shards)]
        total = sum(end.last_seq for end in ends)
        said = _bar(progress, "Replaying all events", total)
        proofs, places = prove_history(
            store, ends, settings.topic_partitions, run_id, measured.acknowledged, said
        )
        database = mongo[settings.mongo_database]
        if _caught_up(database, places, progress, proofs):
            said = _bar(progress, "Comparing the read models", total)
            prove_read_models(store, database, ends, proofs, said)
    return proofs


def mongo_client(settings: Settings) -> MongoClient[Document]:
    return MongoClient(settings.mongo_url, serverSelectionTimeoutMS=CONNECT_S * 1000)


def _caught_up(
    database: Database[Document], places: dict[Place, int], progress: Progress, proofs: Proofs
) -> bool:
    """Wait, bounded, until the read models are where the events are; else that is a difference."""
    task = progress.add_task("Read models are behind by", total=None)
    try:
        compare.wait_until_visible(
            database, places, bounds.CATCH_UP_S_MAX, lambda lag: progress.update(task, completed=lag)
        )
    except TimeoutError as error:
        proofs.read_models_equal = False
        proofs.differences.append(f"the read models did not catch up: {error}")
        return False
    finally:
        progress.remove_task(task)
    return True


def _bar(progress: Progress, what: str, total: int) -> Said:
    task = progress.add_task(what, total=total)
    return lambda done: progress.update(task, completed=done)
