"""A stack: servers and services of one folder, brought up, looked at, and brought down."""

import fcntl
import logging
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import psutil

from stack import compiled, ports
from stack.certificate import trusting
from stack.servers import docker, local
from stack.servers.local import SERVERS
from stack.services import FEEDS, MARK_PRICER, MORE_PROCESSORS, SERVICES, STANDBY, Service, processors
from stack.settings import CHECKOUT, Settings
from stack.supervision import Program, ProgramState, Supervisor, after_removing, inherited, launch, leash
from stack.waiting import TooLateError, wait_until

log = logging.getLogger("stack")

SUPERVISOR_ANSWER_MS_MAX = 15_000
KILL_NOTICED_MS_MAX = 15_000
HEALTH_ANSWER_MS_MAX = 2_000
LOG_TAIL_LINES_MAX = 12

BY_NAME = {service.name: service for service in (*SERVICES, *MORE_PROCESSORS, STANDBY, FEEDS, MARK_PRICER)}


class StackError(RuntimeError):
    """The stack could not do what was asked; the text says why, and what to do."""


class Stack:
    """The servers and services of one folder.

    `leashed`: everything ends with the thread that brought it up, as a test wants it.
    """

    def __init__(self, settings: Settings, *, leashed: bool = False) -> None:
        self.settings = settings
        self.leashed = leashed
        self.supervisor = Supervisor(settings.folder)
        self.process: subprocess.Popen[bytes] | None = None

    # --- All of it -------------------------------------------------------------------------------

    def up(self, services: Sequence[str] = (), servers: Sequence[str] = tuple(SERVERS)) -> None:
        """Start what does not run yet, and wait until all of it is ready."""
        with self.only_one():
            if not self.supervisor.alive():
                if services:
                    compiled.prepare(self.settings)
                self.begin(servers)
            self.start_servers(servers)
            if services:
                self.prepare()
                self.start_services(services)

    def down(self, *, wipe: bool = False) -> None:
        """Stop services, then servers; fine if nothing runs. `wipe` forgets all data."""
        with self.only_one():
            if self.supervisor.alive():
                self.end()
            if self.in_docker:
                docker.down(self.settings, wipe=wipe)
        if wipe:
            shutil.rmtree(self.settings.folder, ignore_errors=True)

    def status(self) -> list[ProgramState]:
        """List everything that was asked for and whether it runs; empty when the stack is down."""
        if not self.supervisor.alive():
            return []
        containers = docker.states(self.settings) if self.in_docker else []
        return [*containers, *(program for program in self.supervisor.programs() if program.asked_for)]

    @property
    def in_docker(self) -> bool:
        return self.settings.servers == "docker"

    @contextmanager
    def only_one(self) -> Iterator[None]:
        """Two `./oms up` at once: the second finds the first's work done."""
        self.settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.settings.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # --- Bringing up -----------------------------------------------------------------------------

    def begin(self, servers: Sequence[str]) -> None:
        """Decide where the servers run, make their data folders, and start supervisord."""
        self.settings = self.settings.model_copy(update={"servers": where_servers_run(self.settings)})
        if not self.in_docker:
            for name in servers:
                refuse_taken_port(self.settings, SERVERS[name].port_setting)
        self.settings.save()
        if not self.in_docker:
            log.info("Preparing the servers: %s", ", ".join(servers))
            local.prepare(self.settings, servers)
        self.process = launch(self.settings, self.supervised(servers), leashed=self.leashed)
        wait_until(self.supervisor_answers, SUPERVISOR_ANSWER_MS_MAX, "supervisord answers")

    def supervised(self, servers: Sequence[str]) -> list[Program]:
        """List what supervisord is told of; nothing starts before it is asked for."""
        more = {service.name for service in MORE_PROCESSORS} - set(processors(self.settings))
        services = [
            service_program(service, self.settings) for name, service in BY_NAME.items() if name not in more
        ]
        if self.in_docker:
            return services
        return [*(SERVERS[name].program(self.settings) for name in servers), *services]

    def supervisor_answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise StackError(f"supervisord ended at once:\n{tail(self.log_file('supervisord', 'out'))}")
        return self.supervisor.alive()

    def start_servers(self, names: Sequence[str]) -> None:
        if self.in_docker:
            log.info("Starting in Docker: %s", ", ".join(names))
            docker.start(self.settings, names)
        else:
            for name in names:
                self.supervisor.start(name)
        for name in names:
            self.wait_until_ready(name)

    def prepare(self) -> None:
        """Create the schema and the topics; nothing happens to what is there."""
        if not (CHECKOUT / "stack" / "service.py").exists():
            return
        done = subprocess.run(
            [sys.executable, "-P", "-m", "stack.service", "prepare"],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **inherited(self.settings)},
            timeout=self.settings.prepare_ms_max / 1000,
        )
        if done.returncode != 0:
            raise StackError(f"Creating the schema and the topics failed:\n{done.stdout}{done.stderr}")

    def start_services(self, names: Sequence[str]) -> None:
        for name in names:
            self.start(name, wait=False)
        for name in names:
            self.wait_until_ready(name)

    # --- Bringing down ---------------------------------------------------------------------------

    def end(self) -> None:
        """Stop in order; what has not ended in time is killed, and that is said."""
        process = psutil.Process(self.supervisor.pid())
        tree = [process, *process.children(recursive=True)]
        self.supervisor.shut_down()
        try:
            wait_until(lambda: self.gone(process), self.settings.stop_ms_max, "everything stopped")
        except TooLateError:
            log.warning("Not stopped after %d s: killing it.", self.settings.stop_ms_max // 1000)
            for member in tree:
                with suppress(psutil.NoSuchProcess):
                    member.kill()
        if self.process is not None:
            self.process.wait()

    def gone(self, process: psutil.Process) -> bool:
        """Our own child stays a zombie until it is waited for."""
        if self.process is not None:
            return self.process.poll() is not None
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE

    # --- One program -----------------------------------------------------------------------------

    def start(self, name: str, *, wait: bool = True) -> None:
        """Start one program; fine if it runs already."""
        if self.runs_in_docker(name):
            docker.start(self.settings, [name])
        else:
            if name in BY_NAME and not self.supervisor.program(name).running:
                refuse_taken_port(self.settings, BY_NAME[name].port_setting)
            self.supervisor.start(name)
        if wait:
            self.wait_until_ready(name)

    def stop(self, name: str) -> None:
        """Stop one program and wait for its end; it stays down until it is started."""
        if self.runs_in_docker(name):
            docker.stop(self.settings, name)
        else:
            self.supervisor.stop(name)

    def restart(self, name: str) -> None:
        """Stop one program, start it, and wait until it is ready."""
        self.stop(name)
        self.start(name)

    def kill(self, name: str) -> None:
        """End one program as a crash would (SIGKILL); it comes back by itself, soon."""
        if self.runs_in_docker(name):
            docker.kill(self.settings, name)
            return
        killed = self.pid(name)
        self.supervisor.signal(name, signal.SIGKILL)
        noticed = f"supervisord noticed the end of {name}"
        wait_until(lambda: self.supervisor.program(name).pid != killed, KILL_NOTICED_MS_MAX, noticed)

    def pid(self, name: str) -> int:
        """Tell the process number of one running program; 0 if it does not run."""
        return next((program.pid for program in self.status() if program.name == name), 0)

    def wait_until_ready(self, name: str) -> None:
        """Wait, bounded, until a server answers in its protocol or a service says that it is ready."""
        started = monotonic()
        bound = self.settings.server_ready_ms_max if name in SERVERS else self.settings.service_ready_ms_max
        try:
            wait_until(lambda: self.is_ready(name), bound, f"{name} ready")
        except TooLateError as late:
            raise StackError(f"{late}{self.explanation(name)}") from late
        log.info("  %-16s ready after %.1f s", name, monotonic() - started)

    def is_ready(self, name: str) -> bool:
        if name in SERVERS:
            answered = answers(SERVERS[name], self.settings)
        else:
            answered = service_ready(BY_NAME[name], self.settings)
        return (self.runs_in_docker(name) or self.stays_up(name)) and answered

    def stays_up(self, name: str) -> bool:
        """Not yet while it may still end at once; waiting on is no use once supervisord gave up on it."""
        program = self.supervisor.program(name)
        if program.state == "FATAL":
            raise StackError(f"{name} ends as soon as it starts.{self.explanation(name)}")
        return program.running

    def runs_in_docker(self, name: str) -> bool:
        return name in SERVERS and self.in_docker

    def explanation(self, name: str) -> str:
        path = self.log_file(name)
        return f" The end of {path}:\n{tail(path)}\nNext: ./oms doctor"

    def log_file(self, name: str, suffix: str = "log") -> Path:
        return self.settings.folder / "log" / f"{name}.{suffix}"


@contextmanager
def running_stack(
    settings: Settings, services: Sequence[str] = (), servers: Sequence[str] = tuple(SERVERS)
) -> Iterator[Stack]:
    """Bring a stack up for a test, and down at its end or at the end of a killed test run.

    Data stay in `settings.folder`: a second `running_stack` with the same settings finds them.
    """
    stack = Stack(settings, leashed=True)
    try:
        stack.up(services, servers)
        yield stack
    finally:
        stack.down()


def where_servers_run(settings: Settings) -> str:
    """Docker where an engine answers, unless the settings say."""
    if settings.servers != "auto":
        return settings.servers
    return "docker" if docker.answers(settings.docker_answer_ms_max) else "local"


def refuse_taken_port(settings: Settings, port_setting: str | None) -> None:
    """A server would say so only in its log."""
    if port_setting is None or ports.is_free(port := getattr(settings, port_setting)):
        return
    process = ports.holder(port)
    by = f"process {process.pid} ({process.name()})" if process else "another process"
    choose = f"OMS_{port_setting.upper()}={ports.free_ports(1)[0]} ./oms up"
    raise StackError(f"Port {port} is taken by {by}. Stop that, or choose another port: {choose}")


def service_program(service: Service, settings: Settings) -> Program:
    command = [sys.executable, "-P", "-m", "stack.service", service.name]
    start = after_removing(ready_file(service, settings), command)
    return Program(service.name, "services", [*leash("TERM"), *start])


def ready_file(service: Service, settings: Settings) -> Path:
    return settings.folder / "run" / f"{service.name}.ready"


def answers(server: local.Server, settings: Settings) -> bool:
    """Each client library has errors of its own: any of them means 'not yet'."""
    try:
        server.ready(settings)
    except Exception as error:  # noqa: BLE001
        log.debug("%s: %s", server.title, error)
        return False
    return True


def service_ready(service: Service, settings: Settings) -> bool:
    """Ask an API for its health; look for the others' ready file."""
    if service.port_setting is None:
        return ready_file(service, settings).exists()
    tls = trusting(settings)
    scheme = "https" if tls else "http"
    url = f"{scheme}://{ports.HOST}:{getattr(settings, service.port_setting)}/health"
    try:
        with urllib.request.urlopen(url, timeout=HEALTH_ANSWER_MS_MAX / 1000, context=tls) as response:  # noqa: S310 - http or https
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def tail(path: Path) -> str:
    """Read the last lines of a log."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else ["(no log)"]
    return "\n".join(f"  | {line}" for line in lines[-LOG_TAIL_LINES_MAX:])
