"""`./oms status`."""

import json
from dataclasses import asdict, dataclass
from typing import Annotated

from rich.table import Table
from typer import Exit, Option

from stack.cli.running import output
from stack.ports import HOST
from stack.running import BY_NAME, Stack
from stack.servers.local import SERVERS
from stack.settings import Settings
from stack.supervision import ProgramState


@dataclass(frozen=True)
class Row:
    """One running (or not running) thing, for a person or for a program."""

    name: str
    what: str
    state: str
    running: bool
    address: str
    pid: int
    uptime_s: int
    log: str
    problem: str


def status(as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False) -> None:
    """Tell what runs where; the exit code is 1 if something that was started does not run.

    Example: ./oms status --json
    """
    stack = Stack(Settings.load())
    listed = rows(stack)
    running = bool(listed) and all(row.running for row in listed)
    if as_json:
        found = {"running": running, "folder": str(stack.settings.folder), "servers": stack.settings.servers}
        print(json.dumps({**found, "programs": [asdict(row) for row in listed]}, indent=2))
    elif listed:
        output.print(table(stack))
    else:
        output.print(f"Nothing runs for {stack.settings.folder}. Next: ./oms up")
    if not running:
        raise Exit(1)


def rows(stack: Stack) -> list[Row]:
    """List servers, then services, in the order in which they start."""
    states = {state.name: state for state in stack.status()}
    return [row(states[name], stack) for name in (*SERVERS, *BY_NAME) if name in states]


def row(state: ProgramState, stack: Stack) -> Row:
    return Row(
        name=state.name,
        what=SERVERS[state.name].title if state.name in SERVERS else BY_NAME[state.name].what,
        state=state.state.lower(),
        running=state.running,
        address=address(state.name, stack.settings),
        pid=state.pid,
        uptime_s=state.uptime_s,
        log=str(stack.log_file(state.name)),
        problem=state.problem,
    )


def address(name: str, settings: Settings) -> str:
    """Tell where to reach it; nothing for a service without a port."""
    if name in SERVERS:
        return SERVERS[name].address(settings)
    port = BY_NAME[name].port_setting
    scheme = "https" if settings.api_certificate else "http"
    return f"{scheme}://{HOST}:{getattr(settings, port)}" if port else ""


def table(stack: Stack) -> Table:
    drawn = Table("name", "what", "state", "where", "pid", box=None, pad_edge=False, header_style="bold")
    for one in rows(stack):
        colour = "green" if one.running else "red"
        state = f"[{colour}]{one.state}[/]" + (f" {one.problem}" if one.problem else "")
        drawn.add_row(one.name, one.what, state, one.address, str(one.pid or ""))
    return drawn
