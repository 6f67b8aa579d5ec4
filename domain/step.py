"""Step: one decision under way. It reads the state as it is, and gathers the events that will change it."""

from typing import TYPE_CHECKING

from domain.event import Event
from domain.ledger import Ledger
from domain.markets import Market

if TYPE_CHECKING:
    from domain.exchange import Exchange


class Step:
    """The events decided so far, and the accounts as they leave them. ``command_id``: what causes it all.
    ``ended``: the orders that were open and are cancelled by it.
    """

    __slots__ = ("command_id", "ended", "events", "exchange", "ledger", "now_us")

    def __init__(self, exchange: "Exchange", command_id: str, now_us: int) -> None:
        self.exchange = exchange
        self.command_id = command_id
        self.now_us = now_us
        self.events: list[Event] = []
        self.ended: set[str] = set()
        self.ledger = Ledger(exchange.accounts, command_id, self.events)

    def market(self, symbol: str) -> Market:
        return self.exchange.markets[symbol]
