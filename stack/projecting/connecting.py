"""Connections to what the read models are made of and kept in."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from projections.projection import Document
from stack.settings import Settings

CONNECT_S = 10
ANSWER_MS_MAX = 30_000


class AwayError(RuntimeError):
    """A server does not answer; the text says which, and what to do."""


@contextmanager
def connected(settings: Settings) -> Iterator[tuple[Database[Document], psycopg.Connection]]:
    """Yield the read models' database and the event store. Raises ``AwayError`` where one does not answer."""
    mongo: MongoClient[Document] = MongoClient(
        settings.mongo_url,
        serverSelectionTimeoutMS=CONNECT_S * 1_000,
        socketTimeoutMS=ANSWER_MS_MAX,
        retryWrites=False,  # DocumentDB has none; ours are repeated by us
        w="majority",
    )
    try:
        with psycopg.connect(
            settings.postgres_dsn,
            autocommit=True,
            connect_timeout=CONNECT_S,
            application_name="oms-projections",
        ) as store:
            yield mongo[settings.mongo_database], store
    except psycopg.OperationalError as error:
        raise AwayError(f"The event store does not answer: {error}. Is the stack up? ./oms up") from None
    except PyMongoError as error:
        raise AwayError(f"The read models' database failed: {error}. Is the stack up? ./oms status") from None
    finally:
        mongo.close()
