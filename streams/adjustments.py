"""Adjustments that wait: one person asks for a balance to be corrected, another one approves it or does not.

They are kept in the event store's database, beside the events. Nothing has happened before an approval: only
then is the command sent, and what comes of it is an event that names both. Who asked may take it back, and
may not approve it: the table itself refuses that.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from domain.transfer import AdjustmentSide
from streams.listings import connected

Decision = Literal["approved", "rejected"]

OPEN_MAX = 500
"""So many are listed at most, the oldest first."""
OPEN_US = 7 * 86_400 * 1_000_000
"""After so long nobody may approve it any more: ask again."""

_COLUMNS = "transfer_id, content, asked_by, asked_at_us, decision, decided_by, decided_at_us"
_ASK = f"""
    INSERT INTO adjustments (transfer_id, content, asked_by, asked_at_us)
    VALUES (%(transfer_id)s, %(content)s, %(asked_by)s, %(asked_at_us)s)
    ON CONFLICT (transfer_id) DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608 - the columns are ours
_FIND = f"SELECT {_COLUMNS} FROM adjustments WHERE transfer_id = %s"  # noqa: S608 - the same
_OPEN = f"""
    SELECT {_COLUMNS} FROM adjustments WHERE decision IS NULL AND asked_at_us > %s
    ORDER BY asked_at_us LIMIT {OPEN_MAX}
"""  # noqa: S608 - the same
_DECIDE = """
    UPDATE adjustments SET decision = %(decision)s, decided_by = %(who)s, decided_at_us = %(now_us)s
    WHERE transfer_id = %(transfer_id)s AND decision IS NULL AND asked_at_us > %(since_us)s
"""


class Adjustment(msgspec.Struct, frozen=True):
    """What is asked for: ``amount`` is a decimal."""

    account: str
    client_transfer_id: str
    asset: str
    side: AdjustmentSide
    amount: str
    reason: str


class Row(msgspec.Struct, frozen=True):
    """One of them, as it is kept."""

    transfer_id: str
    content: bytes
    asked_by: str
    asked_at_us: int
    decision: Decision | None = None
    decided_by: str | None = None
    decided_at_us: int | None = None

    @property
    def adjustment(self) -> Adjustment:
        return msgspec.json.decode(self.content, type=Adjustment)


class AdjustmentStore:
    """The adjustments in the event store at ``dsn``. It connects anew each time: they are few.

    Its methods raise ``psycopg.Error``, ``OSError`` or ``TimeoutError`` if the store does not answer.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def ask(self, transfer_id: str, adjustment: Adjustment, who: str, now_us: int) -> Row:
        """Keep it, unless one of this id is kept already; return the one that is kept."""
        fields = {
            "transfer_id": transfer_id,
            "content": msgspec.json.encode(adjustment),
            "asked_by": who,
            "asked_at_us": now_us,
        }
        async with connected(self._dsn, "oms-adjustments") as connection:
            found = await _one(connection, _ASK, fields) or await _one(connection, _FIND, (transfer_id,))
        assert found is not None, "it was kept just now or before"  # noqa: S101 - rows are never deleted
        return found

    async def open(self, now_us: int) -> list[Row]:
        """Return those that can still be decided on, the oldest first."""
        async with connected(self._dsn, "oms-adjustments") as connection:
            cursor = connection.cursor(row_factory=class_row(Row))
            return await (await cursor.execute(_OPEN, (now_us - OPEN_US,))).fetchall()

    async def find(self, transfer_id: str) -> Row | None:
        async with connected(self._dsn, "oms-adjustments") as connection:
            return await _one(connection, _FIND, (transfer_id,))

    async def decide(self, transfer_id: str, decision: Decision, who: str, now_us: int) -> Row | None:
        """Decide on it if nobody has and it is not too old; return it as it then is.

        Raises ``psycopg.errors.CheckViolation`` if who asked for it approves it.
        """
        fields = {
            "transfer_id": transfer_id,
            "decision": decision,
            "who": who,
            "now_us": now_us,
            "since_us": now_us - OPEN_US,
        }
        async with connected(self._dsn, "oms-adjustments") as connection:
            await connection.execute(_DECIDE, fields)
            return await _one(connection, _FIND, (transfer_id,))


async def _one(
    connection: AsyncConnection, query: str, values: Mapping[str, Any] | Sequence[str]
) -> Row | None:
    cursor = connection.cursor(row_factory=class_row(Row))
    return await (await cursor.execute(query, values)).fetchone()
