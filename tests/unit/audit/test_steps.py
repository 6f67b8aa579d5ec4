"""What a step says it changed."""

from domain.account import AccountPosted, LimitsRequest, Posting
from domain.ids import order_id
from streams.audit.states import AccountTerms, OrderState, balances_around
from streams.audit.steps import Change, differences, posting_view, postings_in
from streams.audit.units import Units, moment_us, time_of
from streams.codec import RecordedEvent
from tests.unit.projections.trading import Venue, amend, cancel, opened, place, set_limits


def a_venue() -> Venue:
    return opened(Venue(), "ann", "bob")


def units_of(venue: Venue) -> Units:
    units = Units(())
    for market in venue.shard.exchange.markets.values():
        units.add(market.rules)
    return units


def changes_of(venue: Venue, order: str) -> list[dict[str, tuple[str | None, str | None]]]:
    units, state, found = units_of(venue), OrderState(0), []
    for recorded in venue.stored(order):
        before = state.shown(units)
        state.take(recorded)
        changed = differences(before, state.shown(units))
        found.append({change.field: (change.before, change.after) for change in changed})
    return found


def test_differences_are_what_is_not_the_same() -> None:
    before = {"price": "100", "filled": "0", "trigger": "9"}
    after = {"price": "100", "filled": "1", "reason": "requested"}
    assert differences(before, after) == [
        Change("filled", "0", "1"),
        Change("reason", None, "requested"),
        Change("trigger", "9", None),
    ]
    assert differences(None, after)[0] == Change("price", None, "100")
    assert differences(after, after) == []


def test_each_event_of_an_order_changes_what_it_says() -> None:
    venue = a_venue()
    venue.batch(place("ann", "bid", "buy", "2", "100"))
    venue.batch(place("bob", "hit", "sell", "0.5", "100"))
    venue.batch(amend("ann", "bid", quantity="1.5"))
    venue.batch(cancel("ann", "bid"))
    placed, filled, amended, cancelled = changes_of(venue, order_id(0, "ann", "bid"))
    assert placed["status"] == (None, "open")
    assert placed["held"] == (None, "200.4")
    assert filled["filled"] == ("0", "0.5")
    assert filled["status"] == ("open", "partially_filled")
    assert filled["fees"] == ("0", "0.05")
    assert amended["quantity"] == ("2", "1.5")
    assert amended["remaining"] == ("1.5", "1")
    assert cancelled["status"] == ("partially_filled", "cancelled")
    assert cancelled["cancel_reason"] == (None, "requested")
    assert cancelled["held"] == (amended["held"][1], "0")


def test_a_posting_tells_the_balance_before_and_after_it() -> None:
    venue = a_venue()
    made = venue.batch(place("ann", "bid", "buy", "2", "100"))
    (hold,) = [posting_view(each, units_of(venue)) for each in postings_in(made, "ann-bid")]
    assert (hold.available_before, hold.available) == ("100000000", "99999799.6")
    assert (hold.held_before, hold.held) == ("0", "200.4")
    assert hold.sentence == "200.4 USD held"


def test_the_postings_of_all_commands_lead_from_one_balance_to_the_next() -> None:
    venue = a_venue()
    venue.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "0.5", "100"))
    venue.batch(place("bob", "more", "sell", "1", "100"), cancel("ann", "bid"))
    units, known = units_of(venue), dict[tuple[str, str], tuple[str, str]]()
    for posting in postings_of(venue.events):
        view = posting_view(posting, units)
        at = view.account, view.asset
        assert known.get(at, ("0", "0")) == (view.available_before, view.held_before)
        known[at] = view.available, view.held
    assert known["bob", "BTC"] == ("99999998.5", "0")


def postings_of(events: list[RecordedEvent]) -> list[Posting]:
    grouped = [each.event for each in events if isinstance(each.event, AccountPosted)]
    return [posting for group in grouped for posting in group.postings]


def test_balances_around_an_event_are_those_before_its_first_and_after_its_last_posting() -> None:
    venue = a_venue()
    made = venue.batch(place("ann", "bid", "buy", "2", "100"), cancel("ann", "bid"))
    (posted,) = [each.event for each in made if isinstance(each.event, AccountPosted)]
    before, after = balances_around(posted, units_of(venue))
    assert before == after == {"USD available": "100000000", "USD held": "0"}


def test_the_terms_of_an_account_follow_from_its_events() -> None:
    venue = a_venue()
    venue.batch(set_limits("ann", LimitsRequest(max_open_notional={"USD": "300"}, order_rate=9)))
    terms = AccountTerms()
    for recorded in venue.events:
        if getattr(recorded.event, "account", "") == "ann":
            terms.take(recorded.event, units_of(venue))
    assert terms.state == {
        "status": "active",
        "group": None,
        "limit max_open_notional USD": "300",
        "limit order_rate": "9 a second",
    }


def test_times_read_back_as_they_were_written() -> None:
    assert moment_us(time_of(1_700_000_000_123_456)) == 1_700_000_000_123_456
    assert moment_us("2026-01-31T12:00:00") == moment_us("2026-01-31T13:00:00+01:00")
