"""Settings: defaults, environment, what a running stack writes."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from stack.ports import is_free
from stack.settings import CHECKOUT, PORTS, Settings


def test_addresses_follow_from_the_ports(tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path, kafka_port=1, redis_port=2, mongo_port=3, postgres_port=4)
    assert settings.kafka_bootstrap == "127.0.0.1:1"
    assert settings.redis_url == "redis://127.0.0.1:2/0"
    assert settings.mongo_url == "mongodb://127.0.0.1:3/"
    assert settings.postgres_dsn.endswith("@127.0.0.1:4/oms")


def test_the_environment_names_other_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_POSTGRES_DSN", "postgresql://oms@db.example/oms")
    monkeypatch.setenv("OMS_SHARDS", "4")
    settings = Settings()
    assert (settings.postgres_dsn, settings.shards) == ("postgresql://oms@db.example/oms", 4)


def test_without_a_word_the_stack_lives_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMS_FOLDER", raising=False)
    assert Settings().folder == CHECKOUT / ".stack"


def test_a_relative_folder_is_the_callers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(folder=Path("here")).folder == tmp_path / "here"


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    saved = Settings.with_free_ports(tmp_path / "stack", shards=3, stop_ms_max=5_000)
    saved.save()
    assert Settings.load(saved.folder) == saved


def test_what_feeds_are_told_is_saved_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_FEEDS", '{"binance": {"BTC-USD": "BTCUSDT"}}')
    monkeypatch.setenv("OMS_FEED_RECORDINGS", '{"ETH-USD": "here/binance-ethusdt-day.jsonl.gz"}')
    saved = Settings(folder=tmp_path)
    assert saved.feed_recordings["ETH-USD"].is_absolute()
    saved.save()
    monkeypatch.delenv("OMS_FEEDS")
    monkeypatch.delenv("OMS_FEED_RECORDINGS")
    assert Settings.load(tmp_path) == saved
    with pytest.raises(ValidationError, match="binance"):
        Settings(folder=tmp_path, feeds={"mtgox": {}})


def test_a_service_finds_its_settings_by_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = Settings.with_free_ports(tmp_path)
    saved.save()
    monkeypatch.setenv("OMS_FOLDER", str(tmp_path))
    assert Settings.load() == saved


def test_bounds_that_nobody_set_are_not_frozen_into_the_file(tmp_path: Path) -> None:
    Settings.with_free_ports(tmp_path).save()
    assert "stop_ms_max" not in (tmp_path / "settings.json").read_text()


def test_a_database_keeps_its_password(tmp_path: Path) -> None:
    first = Settings(folder=tmp_path)
    first.save()
    assert Settings(folder=tmp_path).postgres_password == first.postgres_password
    assert Settings(folder=tmp_path / "other").postgres_password != first.postgres_password


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path)
    assert settings.postgres_password not in repr(settings)


def test_free_ports_are_free_and_differ(tmp_path: Path) -> None:
    settings = Settings.with_free_ports(tmp_path)
    ports = [getattr(settings, name) for name in PORTS]
    assert len(set(ports)) == len(PORTS)
    assert all(is_free(port) for port in ports)


def test_every_port_is_known_to_the_doctor() -> None:
    assert {name for name in Settings.model_fields if name.endswith("_port")} == set(PORTS)


def test_settings_do_not_move_under_a_service(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings(folder=tmp_path).shards = 2  # type: ignore[misc]
