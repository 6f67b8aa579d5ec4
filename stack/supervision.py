"""supervisord: its configuration, and talking to it."""

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from stack import compiled
from stack.settings import Settings

# A unix socket's path has room for 108 bytes, and supervisord first binds `<path>.<pid>`.
SOCKET_PATH_BYTES_MAX = 95


@dataclass(frozen=True)
class Program:
    """One process to keep running."""

    name: str
    group: str
    """`servers` or `services`: supervisord stops groups one after another, services first."""
    command: Sequence[str | Path]
    stop_signal: str = "TERM"
    stop_wait_s: int = 15
    """Before SIGKILL."""
    start_s: int = 1
    """An earlier end counts as a failed start, and the next try waits a second longer each time."""


@dataclass(frozen=True)
class ProgramState:
    """What supervisord knows about a program."""

    name: str
    group: str
    state: str
    pid: int
    uptime_s: int
    asked_for: bool
    """Started at least once: a stack of servers only is whole without services."""
    problem: str

    @property
    def running(self) -> bool:
        return self.state == "RUNNING"


def socket_path(folder: Path) -> Path:
    """Inside the folder, or under a short name where that would be too long for a socket."""
    inside = folder / "run" / "supervisor.sock"
    if len(os.fsencode(inside)) <= SOCKET_PATH_BYTES_MAX:
        return inside
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(os.environ.get("XDG_RUNTIME_DIR", tempfile.gettempdir()))
    return short / f"crypto-oms-{os.getuid()}-{key}.sock"


def leash(stop_signal: str) -> list[str]:
    """Have the kernel stop a program when its parent dies, however that dies; Linux only.

    So a killed test run, or a killed supervisord, leaves nothing behind.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, f"--pdeathsig={stop_signal}", "--"] if setpriv else []


def after_removing(path: Path, command: Sequence[object]) -> list[str]:
    """Have the shell remove a file that an earlier, killed run may have left, before each start."""
    words = shlex.join(str(word) for word in command)
    return ["/bin/sh", "-c", f"rm -f {shlex.quote(str(path))}; exec {words}"]


def quoted(value: object) -> str:
    """`%` would start one of supervisord's own expansions."""
    return str(value).replace("%", "%%")


def configuration(settings: Settings, programs: Sequence[Program]) -> str:
    """Write supervisord's configuration."""
    folder = settings.folder
    groups = {group: [p.name for p in programs if p.group == group] for group in ("servers", "services")}
    sections = [main_section(settings), *(program_section(settings, program) for program in programs)]
    # The lower priority starts first and stops last.
    sections += [
        f"[group:{group}]\nprograms={','.join(names)}\npriority={priority}\n"
        for priority, (group, names) in enumerate(groups.items(), start=1)
        if names
    ]
    return f"; Written by ./oms up for {quoted(folder)}; changes are lost.\n" + "\n".join(sections)


def main_section(settings: Settings) -> str:
    run, log = settings.folder / "run", settings.folder / "log"
    return f"""
[unix_http_server]
file={quoted(socket_path(settings.folder))}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
pidfile={quoted(run / "supervisord.pid")}
logfile={quoted(log / "supervisord.log")}
logfile_maxbytes={settings.log_bytes_max}
logfile_backups={settings.log_files_max}
childlogdir={quoted(log)}
umask=077
"""


def program_section(settings: Settings, program: Program) -> str:
    command = shlex.join(str(word) for word in program.command)
    return f"""
[program:{program.name}]
command={quoted(command)}
autostart=false
autorestart=true
startsecs={program.start_s}
startretries=20
stopsignal={program.stop_signal}
stopwaitsecs={program.stop_wait_s}
killasgroup=true
redirect_stderr=true
stdout_logfile=log/{program.name}.log
stdout_logfile_maxbytes={settings.log_bytes_max}
stdout_logfile_backups={settings.log_files_max}
"""


def launch(settings: Settings, programs: Sequence[Program], *, leashed: bool) -> subprocess.Popen[bytes]:
    """Start supervisord, with no program running yet; leashed, it ends with the calling thread."""
    for name in ("run", "log", "data"):
        (settings.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.folder / "supervisord.conf"
    path.write_text(configuration(settings, programs))
    options = ["--nodaemon", "--silent", "--configuration", str(path)]
    command = [sys.executable, "-m", "supervisor.supervisord", *options]
    with (settings.folder / "log" / "supervisord.out").open("wb") as output:
        return subprocess.Popen(
            [*(leash("TERM") if leashed else []), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # The log files' names are relative to it: supervisord would expand a `%` in them twice.
            cwd=settings.folder,
            env={**os.environ, **inherited(settings)},
            # Ctrl-C at the terminal is for ./oms or pytest, which then stops the stack in order.
            start_new_session=True,
        )


def inherited(settings: Settings) -> dict[str, str]:
    """Tell our services where they belong; supervisord's configuration could not quote any folder's name."""
    path = compiled.path(settings)
    return {"OMS_FOLDER": str(settings.folder), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


class Supervisor:
    """The supervisord of one folder, through its XML-RPC interface."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, method: str, *arguments: object) -> Any:
        """Call `supervisor.<method>`; ConnectionError or FileNotFoundError when nothing runs here."""
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, serverurl=f"unix://{socket_path(self.folder)}")
        with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def alive(self) -> bool:
        """Tell whether a supervisord answers."""
        try:
            return bool(self.call("getState")["statename"] in {"RUNNING", "SHUTDOWN"})
        except (OSError, xmlrpc.client.ProtocolError):
            return False

    def pid(self) -> int:
        return int(self.call("getPID"))

    def programs(self) -> list[ProgramState]:
        """List all programs, in the order of the configuration."""
        return [state_of(info) for info in cast("list[dict[str, Any]]", self.call("getAllProcessInfo"))]

    def program(self, name: str) -> ProgramState:
        """Look up one program; KeyError with the names there are."""
        programs = {program.name: program for program in self.programs()}
        if name not in programs:
            raise KeyError(f"no program {name!r}; there are: {', '.join(programs)}")
        return programs[name]

    def start(self, name: str) -> None:
        """Ask for a start, and return at once; fine if it runs already."""
        program = self.program(name)
        if program.state not in {"RUNNING", "STARTING"}:
            self.call("startProcess", f"{program.group}:{name}", False)

    def stop(self, name: str) -> None:
        """Stop a program and wait until it has ended; fine if it has already."""
        program = self.program(name)
        if program.state in {"RUNNING", "STARTING", "BACKOFF"}:
            self.call("stopProcess", f"{program.group}:{name}", True)

    def signal(self, name: str, number: signal.Signals) -> None:
        program = self.program(name)
        self.call("signalProcess", f"{program.group}:{name}", str(int(number)))

    def shut_down(self) -> None:
        """Ask for the end of everything, services before servers, and return at once."""
        self.call("shutdown")


def state_of(info: Mapping[str, Any]) -> ProgramState:
    """Turn supervisord's answer into ours."""
    running = info["statename"] == "RUNNING"
    return ProgramState(
        name=info["name"],
        group=info["group"],
        state=info["statename"],
        pid=info["pid"],
        uptime_s=info["now"] - info["start"] if running else 0,
        asked_for=info["start"] > 0 or info["statename"] != "STOPPED",
        problem="" if running else str(info["spawnerr"] or info["description"]),
    )
