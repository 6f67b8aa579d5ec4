import pytest

from bench.latency import run


def test_only_the_named_rows_are_played_all_of_them_when_none_is_named() -> None:
    assert [row.name for row in run.chosen(["ws_5000"])] == ["ws_5000"]
    assert run.chosen([]) == list(run.ROWS)


def test_a_row_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"no row 'rest_7'; there are: rest_1000, ws_5000, ws_20000"):
        run.chosen(["rest_7"])


def test_an_order_that_shows_too_late_is_a_miss() -> None:
    result = {
        "name": "rest_1000",
        "ack_ms": {"p99": 20.0},
        "visible_ms": {"p99": 309.2},
        "outcomes": {"open": 1},
    }
    assert run.missed(result) == ["rest_1000: P99 of 200 ms until it is visible: 309.2 ms"]
