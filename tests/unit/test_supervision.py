"""What supervisord is told."""

import configparser
import hashlib
import shlex
from pathlib import Path

import pytest

from stack.settings import Settings
from stack.supervision import (
    SOCKET_PATH_BYTES_MAX,
    Program,
    after_removing,
    configuration,
    socket_path,
    state_of,
)

PROGRAMS = [
    Program("postgres", "servers", ["/bin/a program", "50%"], stop_signal="INT"),
    Program("query-api", "services", ["serve"]),
]


def parsed(settings: Settings) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(configuration(settings, PROGRAMS))
    return parser


def test_services_stop_before_the_servers_they_need(free_settings: Settings) -> None:
    config = parsed(free_settings)
    # supervisord stops the highest priority first
    assert config.getint("group:services", "priority") > config.getint("group:servers", "priority")
    assert config.get("group:services", "programs") == "query-api"


def test_a_command_keeps_its_words(free_settings: Settings) -> None:
    command = parsed(free_settings).get("program:postgres", "command")
    assert shlex.split(command % {}) == ["/bin/a program", "50%"]


def test_nothing_starts_before_it_is_asked_for(free_settings: Settings) -> None:
    config = parsed(free_settings)
    programs = [section for section in config.sections() if section.startswith("program:")]
    assert [config.get(section, "autostart") for section in programs] == ["false", "false"]
    assert [config.get(section, "autorestart") for section in programs] == ["true", "true"]


def test_logs_are_bounded(free_settings: Settings) -> None:
    config = parsed(free_settings)
    assert config.getint("program:query-api", "stdout_logfile_maxbytes") == free_settings.log_bytes_max
    assert config.getint("supervisord", "logfile_backups") == free_settings.log_files_max


def test_a_socket_fits_its_bound_wherever_the_folder_is(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    assert socket_path(Path("/short")) == Path("/short/run/supervisor.sock")
    assert len(str(socket_path(long))) <= SOCKET_PATH_BYTES_MAX
    assert socket_path(long) != socket_path(long / "another")
    assert hashlib.sha256(bytes(long)).hexdigest()[:16] in socket_path(long).name


def test_what_a_killed_run_left_is_removed_first(tmp_path: Path) -> None:
    assert after_removing(tmp_path / "a b", ["serve", "it now"]) == [
        "/bin/sh",
        "-c",
        f"rm -f '{tmp_path}/a b'; exec serve 'it now'",
    ]


@pytest.mark.parametrize(
    ("statename", "start", "asked_for", "running"),
    [
        ("STOPPED", 0, False, False),
        ("STOPPED", 1_000, True, False),
        ("RUNNING", 1_000, True, True),
        ("STARTING", 1_000, True, False),
        ("FATAL", 1_000, True, False),
    ],
)
def test_what_supervisord_says(statename: str, start: int, asked_for: bool, running: bool) -> None:
    told = {"name": "redis", "group": "servers", "pid": 7, "now": 1_005, "spawnerr": "", "description": "why"}
    state = state_of({**told, "statename": statename, "start": start})
    assert (state.asked_for, state.running) == (asked_for, running)
    assert state.problem == ("" if running else "why")
    assert state.uptime_s == (5 if running else 0)
