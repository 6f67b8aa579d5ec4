"""Our services: each can be run, and the standby runs where it is asked for."""

from pathlib import Path

import pytest

from stack.cli.up import services
from stack.running import Stack
from stack.service import RUNNERS, main
from stack.services import FEEDS, MARK_PRICER, MORE_PROCESSORS, SERVICES, STANDBY
from stack.settings import Settings


def test_every_service_can_be_run() -> None:
    assert {service.name for service in (*SERVICES, *MORE_PROCESSORS, STANDBY, FEEDS, MARK_PRICER)} <= set(
        RUNNERS
    )


def test_the_standby_is_started_where_it_is_asked_for(tmp_path: Path) -> None:
    usual = [service.name for service in SERVICES]
    assert services(Settings(folder=tmp_path)) == usual
    assert services(Settings(folder=tmp_path, standby=True)) == [*usual, STANDBY.name]


def test_feeds_and_the_mark_pricer_run_where_a_venue_or_a_recording_is_named(tmp_path: Path) -> None:
    usual = [service.name for service in SERVICES]
    followed = Settings(folder=tmp_path, feeds={"binance": {"BTC-USD": "BTCUSDT"}})
    played = Settings(folder=tmp_path, feed_recordings={"BTC-USD": Path("binance-btcusdt-a.jsonl.gz")})
    assert services(followed) == services(played) == [*usual, "feeds", "mark-pricer"]


def test_no_two_processors_share_a_name(tmp_path: Path) -> None:
    more = [service.name for service in (*MORE_PROCESSORS, STANDBY)]
    assert len({Settings(folder=tmp_path).processor_instance, *more}) == 1 + len(more)


def test_as_many_processors_are_started_as_are_asked_for(tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path, shards=4, processors=3)
    assert services(settings)[:4] == [
        "order-processor",
        "order-processor-1",
        "order-processor-2",
        "read-models",
    ]
    known = [program.name for program in Stack(settings).supervised(())]
    assert "order-processor-2" in known
    assert "order-processor-3" not in known


def test_a_service_that_starts_again_is_not_ready_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "run" / "auditor.ready"
    mark.parent.mkdir()
    mark.touch()
    seen = []
    monkeypatch.setenv("OMS_FOLDER", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["service", "auditor"])
    monkeypatch.setitem(RUNNERS, "auditor", lambda _: seen.append(mark.exists()))
    main()
    assert seen == [False]
