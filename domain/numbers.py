"""Decimal strings at the edges, exact integers within.

An amount of scale ``s`` is an integer count of units of ``10**-s``: "1.25" at scale 2 is 125.
"""

from typing import Final

DIGITS_MAX: Final = 18  # every amount fits a signed 64-bit integer, in each store and client that meets it
AMOUNT_MAX = 2**63 - 1

# What was read lately, by scale: on a market the same prices and quantities come again and again.
READ_MAX: Final = 65_536
_read: Final[list[dict[str, int]]] = [{} for _ in range(DIGITS_MAX + 1)]


def parse_units(text: str, scale: int) -> int:
    """Return ``text`` ("12.5") as a count of units of ``10**-scale``, exactly.

    Raises ``ValueError``, in words for whoever typed it, for what is no plain decimal, has more decimals than
    ``scale``, or more than 18 digits.
    """
    if scale > DIGITS_MAX:
        return _parsed(text, scale)
    read = _read[scale]
    units = read.get(text)
    if units is None:
        units = _parsed(text, scale)
        if len(read) >= READ_MAX:
            read.clear()
        read[text] = units
    return units


def _parsed(text: str, scale: int) -> int:
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if not (whole and digits.isascii() and digits.isdigit()):
        message = f"{text!r} is not a plain decimal number such as 12.5"
        raise ValueError(message)
    fraction = fraction.rstrip("0")
    if len(fraction) > scale:
        message = f"{text} has {len(fraction)} decimals; at most {scale} are allowed"
        raise ValueError(message)
    significant = (whole + fraction.ljust(scale, "0")).lstrip("0")
    if len(significant) > DIGITS_MAX:
        message = f"{text} is too large: at most {DIGITS_MAX} digits, decimals included ({scale} of them)"
        raise ValueError(message)
    return int(significant or "0")


def format_units(units: int, scale: int) -> str:
    """Return a count of units of ``10**-scale`` as a plain decimal string, without trailing zeros."""
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(scale + 1, "0")
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def decimals_of(text: str) -> int:
    """Return how many decimals ``text`` needs: 2 for "0.01", 0 for "5" and "5.0"."""
    return len(text.partition(".")[2].rstrip("0"))
