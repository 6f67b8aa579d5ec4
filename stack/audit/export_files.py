"""The files of a bundle, written as the history is read, so that memory stays bounded."""

from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from streams.codec import RecordedEvent, event_type

ROW_GROUP_EVENTS = 10_000
BLOCK_BYTES = 1 << 20

# Whatever adds up can outgrow 64 bits; a decimal of 38 digits holds it exactly.
_AMOUNT = pa.decimal128(38, 0)

SCHEMA = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("stream", pa.string(), nullable=False),
        pa.field("version", pa.int64(), nullable=False),
        pa.field("occurred_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("actor", pa.string(), nullable=False),
        pa.field("causation_id", pa.string(), nullable=False),
        pa.field("correlation_id", pa.string(), nullable=False),
        pa.field("account", pa.string()),
        pa.field("symbol", pa.string()),
        pa.field("order_id", pa.string()),
        pa.field("transfer_id", pa.string()),
        pa.field("trade_id", pa.int64()),
        pa.field("side", pa.string()),
        pa.field("asset", pa.string()),
        pa.field("price", _AMOUNT),
        pa.field("quantity", _AMOUNT),
        pa.field("notional", _AMOUNT),
        pa.field("fee", _AMOUNT),
        pa.field("remaining", _AMOUNT),
        pa.field("held", _AMOUNT),
        pa.field("amount", _AMOUNT),
        pa.field("stored", pa.string(), nullable=False),
    ]
)
_AMOUNTS = {field.name for field in SCHEMA if field.type == _AMOUNT}
_OF_THE_EVENT = SCHEMA.names[SCHEMA.get_field_index("account") : -1]


class Lines:
    """A file of lines, and how many there are."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self._file = path.open("wb")

    def write(self, line: bytes) -> None:
        self.count += 1
        self._file.write(line + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Table:
    """The events as Parquet, for analysts: what is in many kinds of events has a column of its own type, and
    ``stored`` is the whole event, byte by byte as in events.jsonl.
    """

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, shard: int, recorded: RecordedEvent, state: bytes) -> None:
        self._rows.append(_row(shard, recorded, state))
        if len(self._rows) >= ROW_GROUP_EVENTS:
            self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, SCHEMA))
            self._rows = []


def _row(shard: int, recorded: RecordedEvent, state: bytes) -> dict[str, Any]:
    return {
        "shard": shard,
        "seq": recorded.seq,
        "stream": recorded.stream,
        "version": recorded.version,
        "occurred_at": recorded.occurred_at_us,
        "type": event_type(recorded.event),
        "actor": recorded.actor,
        "causation_id": recorded.causation_id,
        "correlation_id": recorded.correlation_id,
        "stored": state.decode(),
        **{name: _value(name, getattr(recorded.event, name, None)) for name in _OF_THE_EVENT},
    }


def _value(name: str, value: Any) -> Any:
    return Decimal(value) if name in _AMOUNTS and value is not None else value


def described(path: Path) -> dict[str, Any]:
    """Return what the manifest says of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size}
