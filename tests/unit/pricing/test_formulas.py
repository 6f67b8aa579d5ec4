"""The index and the mark price: by example, and what holds for all prices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.pricing.formulas import (
    PPM,
    OwnBook,
    PricingRules,
    SourcePrice,
    in_ticks,
    index_of,
    mark_of,
    own_price,
    text_of,
    units_of,
    weighted_median,
)

RULES = PricingRules(outlier_ppm=20_000, band_ppm=5_000)
NO_BOOK = OwnBook(None, None, None)


def said(**prices: str) -> list[SourcePrice]:
    return [SourcePrice(source, units_of(price)) for source, price in prices.items()]


def index_text(prices: list[SourcePrice], rules: PricingRules = RULES) -> str | None:
    found = index_of(prices, rules)
    return None if found is None else text_of(found.price)


# --- By example -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0.1", "60000", "61685.99", "0.000000000000000001", "999999999999999999"])
def test_a_price_is_read_and_told_exactly(text: str) -> None:
    assert text_of(units_of(text)) == text


@pytest.mark.parametrize(
    "text", ["", "0", "0.000", "-1", "1e5", "NaN", "1.", ".5", " 1", "1,5", "1" * 19, "\u0661"]
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no price"):
        units_of(text)


def test_the_index_is_the_median() -> None:
    assert index_text(said(a="100", b="101", c="100.2")) == "100.2"
    assert index_text(said(a="100", b="101")) == "100.5"
    assert index_text(said(a="100")) == "100"
    assert index_text([]) is None


def test_a_source_of_more_weight_counts_for_more() -> None:
    heavy = [SourcePrice("a", units_of("100"), 3), *said(b="101", c="101.5")]
    assert index_text(heavy) == "100"


def test_an_outlier_is_left_out_and_named() -> None:
    found = index_of(said(a="100", b="100.2", c="103"), RULES)
    assert found is not None
    assert (text_of(found.price), found.sources, found.outliers) == ("100.1", ("a", "b"), ("c",))


def test_where_sources_contradict_each_other_there_is_no_index() -> None:
    assert index_text(said(a="100", b="110")) is None
    assert index_text(said(a="100", b="100.1", c="110", d="110.1")) is None


def test_fewer_sources_than_are_asked_for_make_no_index() -> None:
    assert index_text(said(a="100"), PricingRules(sources_min=2)) is None


@pytest.mark.parametrize(
    ("book", "own"),
    [
        (("99", "101", "100.5"), "100.5"),
        (("99", "101", "120"), "101"),
        (("99", "101", "80"), "99"),
        (("99", "101", None), "100"),
        ((None, "101", "100"), None),
        (("99", None, "100"), None),
    ],
)
def test_the_own_price_is_the_last_one_within_the_best_quotes(
    book: tuple[str | None, ...], own: str | None
) -> None:
    found = own_price(OwnBook(*(None if each is None else units_of(each) for each in book)))
    assert (None if found is None else text_of(found)) == own


@pytest.mark.parametrize(
    ("last", "mark"), [("100.2", "100.2"), ("100.6", "100.5"), ("99.7", "99.7"), ("90", "99.5")]
)
def test_the_mark_price_follows_the_own_book_within_a_band_around_the_index(last: str, mark: str) -> None:
    book = OwnBook(units_of("1"), units_of("1000"), units_of(last))
    assert text_of(mark_of(units_of("100"), book, RULES)) == mark


def test_without_an_own_price_the_mark_price_is_the_index() -> None:
    assert mark_of(units_of("100"), NO_BOOK, RULES) == units_of("100")


@pytest.mark.parametrize(
    ("price", "ticks"),
    [("100.004", 100_00), ("100.005", 100_01), ("100.0149", 100_01), ("0.000001", 1), ("100", 100_00)],
)
def test_a_mark_price_is_on_a_tick(price: str, ticks: int) -> None:
    assert in_ticks(units_of(price), 1, 2) == ticks
    assert in_ticks(units_of(price), 5, 2) % 5 == 0


# --- For all prices -------------------------------------------------------------------------------------

PRICES = st.integers(1, 10**30)
WEIGHTED = st.lists(st.tuples(PRICES, st.integers(1, 9)), min_size=1, max_size=12)
NEAR = st.lists(st.integers(10**22, 10**22 + 10**22 // 60), min_size=1, max_size=7)


def sources(prices: list[tuple[int, int]]) -> list[SourcePrice]:
    return [SourcePrice(f"s{number}", *each) for number, each in enumerate(prices)]


@given(WEIGHTED)
def test_half_of_the_weight_is_on_either_side_of_the_median(prices: list[tuple[int, int]]) -> None:
    median, total = weighted_median(prices), sum(weight for _, weight in prices)
    assert 2 * sum(weight for price, weight in prices if price <= median) >= total
    assert 2 * sum(weight for price, weight in prices if price > median) <= total


@given(WEIGHTED, st.randoms())
def test_the_order_of_sources_does_not_matter(prices: list[tuple[int, int]], chance: object) -> None:
    mixed = sources(prices)
    chance.shuffle(mixed)  # type: ignore[attr-defined] # a Random
    assert index_of(mixed, RULES) == index_of(sources(prices), RULES)


@given(WEIGHTED)
def test_the_index_is_between_the_sources_it_rests_on_and_near_them(prices: list[tuple[int, int]]) -> None:
    found = index_of(sources(prices), RULES)
    if found is None:
        return
    kept = [each.price for each in sources(prices) if each.source in found.sources]
    assert min(kept) <= found.price <= max(kept)
    assert set(found.sources) | set(found.outliers) == {each.source for each in sources(prices)}
    assert not set(found.sources) & set(found.outliers)
    weights = {each.source: each.weight for each in sources(prices)}
    assert 2 * sum(weights[name] for name in found.sources) >= sum(weights.values())


@given(NEAR, st.integers(0, 10**30))
def test_one_liar_among_three_or_more_cannot_move_the_index_out_of_what_the_others_say(
    honest: list[int], lie: int
) -> None:
    prices = [*honest, honest[0], honest[0]]
    found = index_of(sources([(price, 1) for price in [*prices, lie + 1]]), RULES)
    assert found is not None
    assert min(prices) <= found.price <= max(prices)


@given(NEAR, st.integers(1, 1_000))
def test_prices_in_another_unit_give_the_same_index_in_that_unit(prices: list[int], factor: int) -> None:
    even = [2 * price for price in prices]  # so that no mean is rounded
    one, other = (index_of(sources([(price * by, 1) for price in even]), RULES) for by in (1, factor))
    assert one is not None
    assert other is not None
    assert other.price == one.price * factor


@given(PRICES, st.one_of(st.none(), PRICES), st.one_of(st.none(), PRICES), st.one_of(st.none(), PRICES))
def test_the_mark_price_never_leaves_the_band(
    index: int, bid: int | None, ask: int | None, last: int | None
) -> None:
    mark = mark_of(index, OwnBook(bid, ask, last), RULES)
    assert index * (PPM - RULES.band_ppm) // PPM <= mark <= index * (PPM + RULES.band_ppm) // PPM


@given(PRICES, PRICES, PRICES, PRICES, st.integers(0, 10**30))
def test_a_higher_index_never_makes_a_lower_mark(
    index: int, bid: int, ask: int, last: int, more: int
) -> None:
    book = OwnBook(min(bid, ask), max(bid, ask), last)
    assert mark_of(index, book, RULES) <= mark_of(index + more, book, RULES)


@given(PRICES, st.integers(1, 10**6), st.integers(0, 12))
def test_the_nearest_tick_is_at_most_half_a_tick_away(price: int, tick: int, scale: int) -> None:
    step = tick * 10 ** (20 - scale)
    found = in_ticks(price, tick, scale)
    assert found % tick == 0
    assert found > 0
    if price >= step:
        assert 2 * abs(found // tick * step - price) <= step
