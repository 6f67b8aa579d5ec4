"""Amounts on their way to the APIs, which take plain decimal text: never floats, never 1E-8."""

from decimal import Decimal
from typing import Any

import msgspec

Amount = Decimal | str
"""What a request takes as an amount; text is sent as it is."""


def encoded(request: Any) -> bytes:
    """Return a request, or several, as JSON; bytes are JSON already. Raises ``ValueError`` for a decimal that
    is no number.
    """
    if isinstance(request, bytes):
        return request
    return msgspec.json.encode(plain(msgspec.to_builtins(request, builtin_types=(Decimal,))))


def plain(value: Any) -> Any:
    """Return builtins with each decimal as the text that the APIs read."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no amount; give a number")
        return format(value, "f")
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
