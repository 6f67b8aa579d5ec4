"""Accounts of yesterday are not judged by the prices of today."""

from streams.risk.catching_up import PATIENCE_US, QUIET_US, STALE_US, CatchingUp

NOW_US = 1_700_000_000_000_000


def test_it_begins_late_and_has_caught_up_when_nothing_old_comes() -> None:
    late = CatchingUp()
    late.begin(NOW_US)
    assert late.going_on(NOW_US)
    assert not late.going_on(NOW_US + QUIET_US + 1)


def test_an_old_event_says_that_it_is_late_and_a_live_one_does_not() -> None:
    late = CatchingUp()
    late.saw(NOW_US - STALE_US + 1, NOW_US)
    assert not late.going_on(NOW_US)
    late.saw(NOW_US - STALE_US, NOW_US)
    assert late.going_on(NOW_US + QUIET_US)
    assert not late.going_on(NOW_US + QUIET_US + 1)


def test_one_that_is_always_late_judges_all_the_same() -> None:
    late = CatchingUp()
    late.begin(NOW_US)
    for second in range(60):
        late.saw(NOW_US - STALE_US, NOW_US + second * 1_000_000)
    assert not late.going_on(NOW_US + PATIENCE_US + 1)
