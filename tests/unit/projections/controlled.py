"""Commands of the venue's controls, and a venue that went through all of them."""

from typing import Any

import msgspec

from domain.control import (
    ChangeMarketRules,
    DelistMarket,
    SetAccountStatus,
    SetMarketStatus,
    SetVenueStatus,
)
from tests.unit.projections.trading import Venue, list_market, mark, place

SYMBOL = "BTC-USD"


def control(kind: type[Any], **fields: Any) -> Any:
    """Return the command, as it would be read from a message."""
    fields |= {"type": kind.__name__, "command_id": kind.__name__, "actor": "op"}
    return msgspec.convert(fields, kind)


def market_is(status: str, symbol: str = SYMBOL) -> Any:
    return control(SetMarketStatus, symbol=symbol, status=status, reason="drill")


def account_is(account: str, status: str) -> Any:
    return control(SetAccountStatus, account=account, status=status, reason="drill")


def venue_is(status: str) -> Any:
    return control(SetVenueStatus, status=status, reason="drill")


def change_rules(symbol: str = SYMBOL, **changes: Any) -> Any:
    return control(ChangeMarketRules, symbol=symbol, **changes)


def delist(symbol: str = SYMBOL) -> Any:
    return control(DelistMarket, symbol=symbol)


def controlled(venue: Venue, symbol: str, accounts: tuple[str, str]) -> Venue:
    """Close the market and list it again, stop the first account, halt and open the venue; then trade."""
    stopped, trader = accounts
    venue.batch(mark("100", symbol), market_is("halted", symbol), venue_is("halted"))
    venue.batch(change_rules(symbol, tick_size="0.05", max_open_orders=50))
    venue.batch(market_is("closed", symbol), delist(symbol), list_market(symbol, tick_size="0.1"))
    venue.batch(account_is(stopped, "suspended"), venue_is("open"))
    venue.batch(place(trader, "rests", "buy", "3", "100", symbol), account_is(stopped, "active"))
    venue.batch(place(stopped, "takes", "sell", "1", "100", symbol))
    return venue
