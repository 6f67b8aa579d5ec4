"""Which field of a command a refusal blames, and what was in it."""

from typing import Any

from api.faults import Fault, shortened
from api.problems import named
from commands.messages import AnyCommand

_FIELDS: dict[str, tuple[str, ...]] = {
    "unknown_account": ("account",),
    "reserved_account": ("account",),
    "unknown_market": ("symbol",),
    "market_exists": ("symbol",),
    "market_delisted": ("symbol",),
    "unknown_asset": ("asset",),
    "invalid_price": ("price", "trigger_price"),
    "price_required": ("price",),
    "price_forbidden": ("price",),
    "price_band": ("price",),
    "invalid_quantity": ("quantity",),
    "invalid_amount": ("amount", "quote_quantity"),
    "invalid_trigger": ("trigger_price", "trailing_offset", "trailing_bps"),
    "would_trigger_at_once": ("trigger_price",),
    "invalid_expiry": ("expires_at",),
    "id_reused": ("client_order_id", "client_list_id", "client_transfer_id"),
    "order_not_open": ("order_id",),
    "order_list_not_open": ("list_id",),
    "unknown_trade": ("trade_id",),
    "same_account": ("to_account",),
    "unknown_shard": ("to_shard",),
    "same_shard": ("to_shard",),
    "reason_required": ("reason",),
    "reference_required": ("reference",),
    "approval_required": ("approver",),
    "invalid_group": ("group",),
}


def blamed(command: AnyCommand, code: str) -> dict[str, Any]:
    """Return ``field`` and ``value`` where the code blames one field; the first that was given."""
    fields = [name for name in _FIELDS.get(code, ()) if _has(command, name)]
    if not fields:
        return {}
    given = [name for name in fields if _value(command, name) is not None]
    field = (given or fields)[0]
    value = _value(command, field)
    return named(Fault(field, None if value is None else shortened(field, value), ""))


def _has(command: AnyCommand, name: str) -> bool:
    return hasattr(command, name) or hasattr(getattr(command, "request", None), name)


def _value(command: AnyCommand, name: str) -> Any:
    own = getattr(command, name, None)
    return getattr(getattr(command, "request", None), name, None) if own is None else own
