"""What is odd about single orders, with the evidence; and moves that halt a market."""

from collections.abc import Sequence

from commands.messages import AnyCommand
from domain.market import SECOND_US
from projections.risk.circuit import CircuitBounds, largest_move, words
from projections.risk.orders import OrderAlert, OrderBounds, OrderWatch
from projections.risk.prices import MOVES_MAX, Cause, MarketPrices, PriceBook
from tests.unit.projections.trading import START_US, Venue, ask, list_market, opened, place
from tests.unit.risk.recorded import rules


def alerts(*commands: AnyCommand, usual: int = 0, **market: str | int) -> Sequence[OrderAlert]:
    """Return what is said of the commands' events, after so many usual orders of 100 USD."""
    venue = opened(Venue(), "ann", "bob")
    book = PriceBook()
    book.listed(venue.shard.exchange.markets["BTC-USD"].rules).saw("mark", 10_000, Cause("0-1", START_US))
    if market:
        venue.batch(list_market("ETH-USD", **market))
        book.listed(venue.shard.exchange.markets["ETH-USD"].rules)
    watch = OrderWatch(book, OrderBounds(collar_ppm=100_000, size_multiple=50))
    events = venue.batch(*(place("bob", f"u{number}", "buy", "1", "100") for number in range(usual)))
    events += venue.batch(*commands)
    return [alert for recorded in events for alert in watch.look(recorded.event)]


def test_a_buy_far_above_the_market_is_told_and_a_patient_one_is_not() -> None:
    (alert,) = alerts(
        place("ann", "high", "buy", "1", "111"),
        place("ann", "near", "buy", "1", "109"),
        place("ann", "low", "buy", "1", "50"),
    )
    assert (alert.kind, alert.account, alert.symbol) == ("price_collar", "ann", "BTC-USD")
    assert (alert.evidence["price"], alert.evidence["market_price"]) == ("111", "100")
    assert (alert.evidence["beyond_ppm"], alert.evidence["threshold_ppm"]) == (110_000, 100_000)


def test_an_order_many_times_the_usual_is_told() -> None:
    assert alerts(place("ann", "big", "buy", "60", "100"), usual=10) == []
    assert alerts(place("ann", "fair", "buy", "49", "100"), usual=60) == []
    (alert,) = alerts(place("ann", "big", "buy", "60", "100"), usual=60)
    assert (alert.kind, alert.evidence["notional"], alert.evidence["median_notional"]) == (
        "fat_finger",
        "6000",
        "100",
    )


def test_an_account_that_trades_with_itself_is_told_whether_it_was_let_or_not() -> None:
    (traded,) = alerts(place("ann", "a", "sell", "1", "100"), place("ann", "b", "buy", "1", "100"))
    assert (traded.kind, traded.evidence["trade_id"], len(traded.evidence["order_ids"])) == (
        "self_trade",
        1,
        2,
    )
    other = alerts(place("ann", "a", "sell", "1", "100"), place("bob", "b", "buy", "1", "100"))
    assert other == []
    request = {"side": "buy", "quantity": "1", "price": "100", "self_trade": "expire_taker"}
    (prevented,) = alerts(place("ann", "a", "sell", "1", "100"), ask("ann", "c", **request))
    assert (prevented.kind, prevented.evidence["mode"]) == ("self_trade", "expire_taker")


def market_at(*moves: tuple[float, int]) -> MarketPrices:
    """Return a market with these marks: second, price units."""
    market = MarketPrices(rules("BTC-USD"), 60, 100)
    for at_s, price in moves:
        market.saw("mark", price, Cause(f"0-{price}", START_US + int(at_s * SECOND_US)))
    return market


def test_a_market_moves_too_far_only_within_the_time_that_counts() -> None:
    bounds = CircuitBounds(move_ppm=100_000, within_s=10)
    fast = largest_move(market_at((0, 10_000), (4, 10_500), (9, 8_900)), bounds)
    assert fast is not None
    assert (fast.price_before, fast.price, fast.ppm) == (10_500, 8_900, 152_380)
    slow = largest_move(market_at((0, 10_000), (11, 9_500), (22, 9_000)), bounds)
    assert slow is not None
    assert slow.ppm == 0
    assert largest_move(market_at((0, 10_000), (1, 1)), CircuitBounds(move_ppm=0)) is None


def test_a_single_trade_far_away_moves_nothing() -> None:
    market = market_at((0, 10_000))
    market.saw("last", 5_000, Cause("0-2", START_US + SECOND_US))
    move = largest_move(market, CircuitBounds())
    assert move is not None
    assert move.ppm == 0


def test_it_is_told_in_words() -> None:
    bounds = CircuitBounds(move_ppm=100_000, within_s=10)
    market = market_at((0, 10_000), (2.5, 8_900))
    move = largest_move(market, bounds)
    assert move is not None
    assert words(market, move, bounds) == (
        "price moved 11.0 % from 100 to 89 within 2.5 s; 10 % in 10 s are allowed"
    )


def test_however_many_prices_come_few_are_kept() -> None:
    market = market_at(*((number / 1_000, 10_000 + number) for number in range(3 * MOVES_MAX)))
    assert len(market.moves) <= MOVES_MAX
    assert len(market.bars) <= 100
