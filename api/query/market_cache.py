"""The markets' rules, at hand in the process: every answer needs them for its decimals."""

from time import monotonic

from pymongo.database import Database

from domain.market import MarketRules
from projections import markets
from projections.generations import live_view
from projections.projection import Document


class MarketCache:
    """Reads the markets again when they are older than ``cached_ms_max``, or when one is asked for that it
    does not know; that, too, not more often than every ``reread_ms_min``.
    """

    def __init__(
        self, database: Database[Document], cached_ms_max: int, reread_ms_min: int, markets_max: int
    ) -> None:
        self.database = database
        self.cached_s_max = cached_ms_max / 1000
        self.reread_s_min = reread_ms_min / 1000
        self.markets_max = markets_max
        self.read_at = float("-inf")
        self.by_symbol: dict[str, MarketRules] = {}
        self.scales: dict[str, int] = {}

    def rules(self, symbol: str) -> MarketRules | None:
        self._refresh(self.cached_s_max if symbol in self.by_symbol else self.reread_s_min)
        return self.by_symbol.get(symbol)

    def scale(self, asset: str) -> int | None:
        """Return how many decimals the asset's minor unit has."""
        self._refresh(self.cached_s_max if asset in self.scales else self.reread_s_min)
        return self.scales.get(asset)

    def _refresh(self, age_s_max: float) -> None:
        if monotonic() - self.read_at <= age_s_max:
            return
        view = live_view(self.database)  # of this moment: the process outlives generations
        found = [markets.rules_of(each) for each in markets.all_markets(view, self.markets_max)]
        self.by_symbol = {rules.symbol: rules for rules in found}
        self.scales = {rules.base_asset: rules.base_scale for rules in found} | {
            rules.quote_asset: rules.quote_scale for rules in found
        }
        self.read_at = monotonic()
