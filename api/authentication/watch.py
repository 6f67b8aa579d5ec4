"""What an API keeps in mind of the database: the issuer's public keys, and what was revoked.

A thread looks every few seconds, so that checking a token takes no look at all, and a revocation is known
within those seconds. While the database does not answer, what was known last counts: tokens live for minutes
only, and no order is decided without the database anyway.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from time import monotonic, sleep

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.authentication.external import ExternalIssuer
from api.identity import api_keys, signing_keys
from api.identity.models import Revocation

logger = logging.getLogger(__name__)

REVOKED_MAX = 1_000_000
SOONER_S_MIN = 0.05
USES_WRITTEN_S = 5.0
USES_MAX = 10_000
STOP_S_MAX = 5.0


class Watch:
    """``published``: the public keys by name; ``revoked``: (kind, id) of what must not be taken any more."""

    def __init__(self, engine: Engine, refresh_ms: int, external: ExternalIssuer | None = None) -> None:
        self.published: dict[str, bytes] = {}
        self.revoked: frozenset[tuple[str, str]] = frozenset()
        self._engine = engine
        self._refresh_s = refresh_ms / 1_000
        self._external = external
        self._uses: dict[str, datetime] = {}
        self._uses_written = self._looked = float("-inf")
        self._failing = False
        self._one_look = Lock()
        self._one_sooner = Lock()
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Look once, and go on looking in a thread."""
        if self._thread is None:
            self._guarded(self.look)
            self._thread = Thread(target=self._run, name="identity-watch", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_S_MAX)
            self._thread = None

    def look(self) -> None:
        """Read what is published and revoked now. Raises ``SQLAlchemyError``."""
        with self._one_look, Session(self._engine) as session:
            self._looked = monotonic()
            published = signing_keys.published(session)
            live = select(Revocation.kind, Revocation.id).where(Revocation.until > func.now())
            rows = session.execute(live.limit(REVOKED_MAX)).all()
        self.published.update(published)  # at no moment without a key that is good
        for gone in self.published.keys() - published:
            del self.published[gone]
        self.revoked = frozenset((kind, what) for kind, what in rows)

    def look_sooner(self) -> None:
        """Look now: a token names a key that is new. Many who want that at once share a look."""
        asked = monotonic()
        with self._one_sooner:
            if self._looked < asked:
                sleep(max(0.0, SOONER_S_MIN - (asked - self._looked)))
                self._guarded(self.look)

    def used(self, key_id: str) -> None:
        """Note that a key was used; it is written down within seconds."""
        if len(self._uses) < USES_MAX:
            self._uses[key_id] = datetime.now(UTC)

    def _run(self) -> None:
        while not self._stop.wait(self._refresh_s):
            self._guarded(self.look)
            if monotonic() - self._uses_written > USES_WRITTEN_S:
                self._guarded(self._write_uses)
            if self._external is not None and self._external.is_due:
                self._external.fetch()
        self._guarded(self._write_uses)

    def _write_uses(self) -> None:
        uses, self._uses = self._uses, {}
        self._uses_written = monotonic()
        if uses:
            with Session(self._engine) as session, session.begin():
                api_keys.note_uses(session, uses)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Say once that the database does not answer, and once that it does again."""
        try:
            work()
        except SQLAlchemyError as error:
            if not self._failing:
                logger.warning("users and keys cannot be looked at: %s", type(error).__name__)
            self._failing = True
        else:
            if self._failing:
                logger.info("users and keys can be looked at again")
            self._failing = False
