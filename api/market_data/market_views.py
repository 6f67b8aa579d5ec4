"""A market's ticker and state, as they are told over the stream and in snapshots alike."""

from typing import Any

from api.market_data import messages
from api.market_data.market import Market
from api.query.decimals import base_of, given, price_of, quote_of


def ticker_of(market: Market, now_us: int, seq: int) -> messages.Ticker:
    rules, day = market.rules, market.day.as_of(now_us)
    return messages.Ticker(
        symbol=market.symbol,
        seq=seq,
        open=given(price_of, rules, day.open),
        high=given(price_of, rules, day.high),
        low=given(price_of, rules, day.low),
        last=given(price_of, rules, day.last),
        volume=base_of(rules, day.volume),
        quote_volume=quote_of(rules, day.quote_volume),
        count=day.trades,
        as_of_us=now_us,
    )


def state_of(market: Market, seq: int) -> messages.MarketState:
    return messages.MarketState(
        symbol=market.symbol,
        seq=seq,
        status=market.document["status"],
        venue_status=market.venue_status,  # type: ignore[arg-type] # the domain's own names
        rules=rules_shown(market),
    )


def rules_shown(market: Market) -> dict[str, Any]:
    """Return the steps and bounds of the market as decimals."""
    rules = market.rules
    return {
        "base_asset": rules.base_asset,
        "quote_asset": rules.quote_asset,
        "tick_size": price_of(rules, rules.tick),
        "lot_size": base_of(rules, rules.lot),
        "min_quantity": base_of(rules, rules.min_quantity),
        "max_quantity": base_of(rules, rules.max_quantity),
        "min_notional": quote_of(rules, rules.min_notional),
        "maker_fee_ppm": rules.maker_fee_ppm,
        "taker_fee_ppm": rules.taker_fee_ppm,
    }
