"""Circuit breaker: a market whose price moves too far too fast is halted, until somebody opens it again."""

from dataclasses import dataclass

from domain.market import SECOND_US
from domain.numbers import format_units
from projections.risk.prices import MarketPrices, Move


@dataclass(frozen=True)
class CircuitBounds:
    """A move of ``move_ppm`` within ``within_s`` halts a market; half of it is told. 0: never."""

    move_ppm: int = 100_000
    within_s: int = 60

    @property
    def within_us(self) -> int:
        return self.within_s * SECOND_US


def largest_move(market: MarketPrices, bounds: CircuitBounds) -> Move | None:
    """Return how far the market moved within the time that counts, up to its newest price."""
    if not bounds.move_ppm:
        return None
    newest_us = market.cause.occurred_at_us
    market.forget_moves(newest_us - bounds.within_us)
    return market.moved(bounds.within_us, newest_us)


def words(market: MarketPrices, move: Move, bounds: CircuitBounds) -> str:
    scale = market.rules.price_scale
    return (
        f"price moved {move.ppm / 10_000:.1f} % from {format_units(move.price_before, scale)} to "
        f"{format_units(move.price, scale)} within {(move.at_us - move.before_us) / SECOND_US:.1f} s; "
        f"{bounds.move_ppm / 10_000:g} % in {bounds.within_s} s are allowed"
    )
