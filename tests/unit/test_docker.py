"""The servers in Docker: what can be known without an engine."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.servers import docker
from stack.servers.local import SERVERS
from stack.settings import Settings

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(docker.COMPOSE.read_text())["services"]


def test_compose_has_the_same_servers() -> None:
    assert set(SERVICES) == set(SERVERS)


@pytest.mark.parametrize("name", SERVERS)
def test_a_container_is_reached_from_this_machine_alone(name: str) -> None:
    (published,) = SERVICES[name]["ports"]
    assert published.startswith(f"127.0.0.1:${{OMS_{SERVERS[name].port_setting.upper()}:?}}:")


@pytest.mark.parametrize("name", SERVERS)
def test_a_container_keeps_its_data_and_tells_its_health(name: str) -> None:
    assert SERVICES[name]["volumes"]
    assert SERVICES[name]["healthcheck"]["test"]


def test_the_settings_fill_every_gap_of_compose(free_settings: Settings) -> None:
    given = docker.interpolated(free_settings)
    wanted = {part.split(":?")[0] for part in docker.COMPOSE.read_text().split("${")[1:]}
    assert wanted == set(given)


def test_two_folders_are_two_projects(tmp_path: Path) -> None:
    one, two = Settings(folder=tmp_path / "one"), Settings(folder=tmp_path / "two")
    assert docker.project(one) != docker.project(two)


def test_an_exited_container_is_a_problem(free_settings: Settings) -> None:
    told = {"ID": "abc", "Service": "redis", "State": "exited", "Status": "Exited (137) 2 seconds ago"}
    state = docker.state_of(told, free_settings)
    assert (state.name, state.running, state.pid) == ("redis", False, 0)
    assert "Exited (137)" in state.problem


def test_docker_without_an_engine_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\nsleep 30\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert not docker.answers(answer_ms_max=100)
