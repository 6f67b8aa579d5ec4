"""The commands of venue controls in random flows: statuses flip, rules change, accounts are stopped, markets
are delisted and come back. Mostly all is open: a closed market has little to show.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from domain.control import (
    ChangeMarketRules,
    DelistMarket,
    SetAccountStatus,
    SetMarketStatus,
    SetVenueStatus,
)
from domain.market import ListMarket
from tests.unit.domain.both_exchanges import Both
from tests.unit.domain.flows import ACCOUNTS, PAIRS, Pair, fees_ppm, rarely, text
from tests.unit.domain.naive_controls import STRICTNESS
from tests.unit.domain.naive_orders import RefusedError, Rules

MILLION = 10**6

pairs = st.sampled_from(PAIRS)
market_statuses = st.sampled_from(["open", "open", "cancel_only", "halted", "halted", "closed"])
account_statuses = st.sampled_from(["active", "active", "reduce_only", "cancel_only", "suspended"])
venue_statuses = st.sampled_from(["open", "open", "cancel_only", "halted"])
bands = st.tuples(*[st.sampled_from([0, 0, 10_000, 30_000, 500_000])] * 4)


class Controls(Both):
    """Draws them."""

    @rule(pair=pairs, status=market_statuses, chance=st.booleans())
    def set_market_status(self, pair: Pair, status: str, chance: bool) -> None:
        if chance:
            self.market_becomes(pair.symbol, status)

    @rule(account=st.sampled_from([*ACCOUNTS, "nobody"]), status=account_statuses, only_tighten=rarely)
    def set_account_status(self, account: str, status: str, only_tighten: bool) -> None:
        self.account_becomes(account, status, only_tighten=only_tighten)

    @rule(status=venue_statuses, cancel_orders=rarely, chance=rarely)
    def set_venue_status(self, status: str, cancel_orders: bool, chance: bool) -> None:
        if chance:
            self.venue_becomes(status, cancel_orders=cancel_orders)

    @precondition(lambda self: self.is_restricted())
    @rule()
    def open_all(self) -> None:
        """So that the flow goes on."""
        self.venue_becomes("open", cancel_orders=False)
        for account in ACCOUNTS:
            self.account_becomes(account, "active", only_tighten=False)
        for pair in PAIRS:
            if self.naive.controls.market(pair.symbol) == "delisted":
                self.list_again(pair)
            self.market_becomes(pair.symbol, "open")

    def is_restricted(self) -> bool:
        controls = self.naive.controls
        statuses = {controls.market(pair.symbol) for pair in PAIRS} | {controls.venue}
        return statuses != {"open"} or any(controls.account(name) != "active" for name in ACCOUNTS)

    @rule(pair=pairs, chance=rarely)
    def delist(self, pair: Pair, chance: bool) -> None:
        """Now and then it is closed before."""
        if chance:
            self.market_becomes(pair.symbol, "closed")
        command = DelistMarket(command_id=self.command_id(), actor="", symbol=pair.symbol)
        self.both(command, lambda: self.naively_delist(pair.symbol))

    @rule(
        pair=pairs,
        tick=st.sampled_from([None, None, 1, 2, 5, 10]),
        lot=st.sampled_from([None, None, 1, 2, 3]),
        fees=st.none() | st.tuples(fees_ppm, fees_ppm),
        buffer=st.sampled_from([None, 0, 10_000]),
        most_open=st.sampled_from([None, 0, 0, 2, 5]),
        band=st.none() | bands,
    )
    def change_rules(
        self,
        pair: Pair,
        tick: int | None,
        lot: int | None,
        fees: tuple[int, int] | None,
        buffer: int | None,
        most_open: int | None,
        band: tuple[int, int, int, int] | None,
    ) -> None:
        """``tick``, ``lot``: in the smallest units there are; quantities follow the lot."""
        before = self.naive.markets[pair.symbol]
        rules = with_sizes(before, tick, lot)
        if fees is not None:
            maker, taker = (Fraction(ppm, MILLION) for ppm in fees)
            rules = replace(rules, maker_fee=maker, taker_fee=taker)
        if buffer is not None:
            rules = replace(rules, buffer=Fraction(buffer, MILLION))
        if most_open is not None:
            rules = replace(rules, most_open=most_open)
        if band is not None:
            rules = with_bands(rules, band)
        command = ChangeMarketRules(
            command_id=self.command_id(), actor="", symbol=pair.symbol, **in_words(rules)
        )
        self.both(command, lambda: self.naively_change(pair.symbol, rules))

    # --- On both ---

    def market_becomes(self, symbol: str, status: str) -> None:
        command = self.command(SetMarketStatus, symbol=symbol, status=status)
        self.both(command, lambda: self.naively_set_market(symbol, status))

    def account_becomes(self, account: str, status: str, *, only_tighten: bool) -> None:
        command = self.command(SetAccountStatus, account=account, status=status, only_tighten=only_tighten)
        self.both(command, lambda: self.naively_set_account(account, status, only_tighten=only_tighten))

    def venue_becomes(self, status: str, *, cancel_orders: bool) -> None:
        command = self.command(SetVenueStatus, status=status, cancel_orders=cancel_orders)
        self.both(command, lambda: self.naively_set_venue(status, cancel_orders=cancel_orders))

    def list_again(self, pair: Pair) -> None:
        rules = self.naive.markets[pair.symbol]
        command = ListMarket(
            command_id=self.command_id(),
            actor="",
            symbol=pair.symbol,
            base_asset=rules.base,
            quote_asset=rules.quote,
            base_scale=rules.base_scale,
            quote_scale=rules.quote_scale,
            **in_words(rules),
        )
        self.both(command, lambda: self.naively_list(pair.symbol))

    def command(self, kind: type[Any], **fields: Any) -> Any:
        """Return the command, as it would be read from a message."""
        fields |= {"type": kind.__name__, "command_id": self.command_id(), "actor": "op"}
        if kind is not ListMarket:
            fields["reason"] = "drawn"
        return msgspec.convert(fields, kind)

    # --- Naively ---

    def naively_set_market(self, symbol: str, status: str) -> None:
        self.naive.controls.check_listed(symbol)
        self.naive.controls.markets[symbol] = status
        if status == "closed":
            self.end_all(lambda order: order.symbol == symbol, "market_closed")

    def naively_delist(self, symbol: str) -> None:
        if self.naive.controls.market(symbol) not in {"closed", "delisted"}:
            raise RefusedError("market_not_closed")
        self.naive.controls.markets[symbol] = "delisted"

    def naively_list(self, symbol: str) -> None:
        self.naive.controls.markets[symbol] = "open"
        for source in ("last", "mark"):
            self.naive.prices.pop((symbol, source), None)

    def naively_set_account(self, account: str, status: str, *, only_tighten: bool) -> None:
        controls = self.naive.controls
        if account not in self.naive.accounts:
            raise RefusedError("unknown_account")
        if only_tighten and STRICTNESS[status] < STRICTNESS[controls.account(account)]:
            return
        controls.accounts[account] = status
        self.end_all(
            lambda order: order.account == account and not controls.may_have(account, order.side),
            "account_restricted",
        )

    def naively_set_venue(self, status: str, *, cancel_orders: bool) -> None:
        self.naive.controls.venue = status
        if cancel_orders:
            self.end_all(lambda _: True, "kill_switch")

    def naively_change(self, symbol: str, rules: Rules) -> None:
        self.naive.controls.check_listed(symbol)
        product = rules.tick * rules.lot * 10**rules.quote_scale
        if product.denominator != 1 or rules.least % rules.lot or rules.most % rules.lot:
            raise RefusedError("market_rules_invalid")
        self.naive.markets[symbol] = rules
        self.end_all(
            lambda order: order.symbol == symbol and not self.naive.fits(rules, order), "rules_changed"
        )

    def end_all(self, which: Any, reason: str) -> None:
        for order in [order for order in self.naive.orders if which(order)]:
            self.naive.end(order, reason)


def with_sizes(rules: Rules, tick: int | None, lot: int | None) -> Rules:
    if tick is not None:
        rules = replace(rules, tick=tick * rules.price_unit)
    if lot is not None:
        size = Fraction(lot, 10 ** min(rules.base_scale, max(0, rules.quote_scale - rules.price_decimals)))
        most = rules.most // size * size or size
        rules = replace(rules, lot=size, least=size, most=max(most, 30 * size))
    return rules


def with_bands(rules: Rules, ppm: tuple[int, int, int, int]) -> Rules:
    down, up, sell_down, sell_up = (Fraction(each, MILLION) for each in ppm)
    return replace(rules, bands=(("buy", down, up), ("sell", sell_down, sell_up)))


def in_words(rules: Rules) -> dict[str, Any]:
    """Return the rules as a command says them."""
    by_side = {side: (below, above) for side, below, above in rules.bands}
    amounts = {
        "tick_size": rules.tick,
        "lot_size": rules.lot,
        "min_quantity": rules.least,
        "max_quantity": rules.most,
        "min_notional": rules.min_notional,
        "max_position": rules.max_position or Fraction(0),
    }
    parts = {
        "maker_fee_ppm": rules.maker_fee,
        "taker_fee_ppm": rules.taker_fee,
        "market_buffer_ppm": rules.buffer,
    }
    for side in ("buy", "sell"):
        below, above = by_side.get(side, (Fraction(0), Fraction(0)))
        parts |= {f"{side}_band_down_ppm": below, f"{side}_band_up_ppm": above}
    return (
        {name: text(amount) for name, amount in amounts.items()}
        | {name: int(part * MILLION) for name, part in parts.items()}
        | {"max_open_orders": rules.most_open}
    )
