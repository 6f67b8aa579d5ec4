"""API keys as an API process knows them: read from the database, and believed for a few seconds."""

import asyncio
import logging
from http import HTTPStatus
from time import monotonic

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.authentication.sealing import Seal, SealBrokenError
from api.authentication.signed import KeyRecord
from api.identity import api_keys
from api.problems import Problem

logger = logging.getLogger(__name__)

KEYS_MAX = 10_000
LOOKS_AT_ONCE_MAX = 4


class KeyDirectory:
    """``believed_ms``: how long what was read counts; within that time a revocation is known."""

    def __init__(self, engine: Engine, seal: Seal, believed_ms: int) -> None:
        self._engine = engine
        self._seal = seal
        self._believed_s = believed_ms / 1_000
        self._known: dict[str, tuple[float, KeyRecord | None]] = {}
        self._room = asyncio.Semaphore(LOOKS_AT_ONCE_MAX)

    async def find(self, key_id: str) -> KeyRecord | None:
        """Raises ``Problem`` (503) where the database does not answer."""
        if not api_keys.is_ours(self._seal, key_id):
            return None
        read_at, record = self._known.get(key_id, (float("-inf"), None))
        if monotonic() - read_at < self._believed_s:
            return record
        async with self._room:
            record = await asyncio.to_thread(self._read, key_id)
        if len(self._known) >= KEYS_MAX:
            self._known.clear()
        self._known[key_id] = (monotonic(), record)
        return record

    def _read(self, key_id: str) -> KeyRecord | None:
        try:
            with Session(self._engine) as session:
                return api_keys.record_of(session, self._seal, key_id)
        except SQLAlchemyError as error:
            logger.warning("a key could not be looked up: %s", type(error).__name__)
            detail = f"the key {key_id} cannot be looked up now"
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "identity_unavailable", detail, headers={"Retry-After": "1"}
            ) from None
        except SealBrokenError as error:
            logger.error("%s", error)  # noqa: TRY400 - where it happened says nothing
            detail = f"the secret of key {key_id} cannot be opened: make a new key"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "identity_unavailable", detail) from None
