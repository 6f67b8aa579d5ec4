"""How a verification looks to a person."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from stack.audit.findings import Findings, Proof
from stack.audit.parts import Progress as Said

LINE_EVERY_S = 10.0

SAYS: dict[Proof, str] = {
    "chain_ok": "the chain and its signed heads hold",
    "state_hash_equal": "the events give the state the processor had",
    "read_models_equal": "the read models equal the fold of the events",
    "money_conserved": "no money came from nowhere",
}

_ANSWERS = {True: "[green]yes[/green]", False: "[red]NO[/red]", None: "not compared"}


@contextmanager
def progress_on(console: Console) -> Iterator[Said]:
    """Show for each thing being done a bar with the time that is left; in a log file, a line now and then."""
    if not console.is_terminal:
        yield Lines(console).said
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def said(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield said


class Lines:
    """Progress where no screen shows it: a line for each thing being done, every ``LINE_EVERY_S``."""

    def __init__(self, console: Console, clock: Callable[[], float] = monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began: dict[str, float] = {}
        self._told: dict[str, float] = {}

    def said(self, what: str, done: int, total: int) -> None:
        now = self._clock()
        began = self._began.setdefault(what, now)
        if now - self._told.setdefault(what, now) < LINE_EVERY_S:
            return
        self._told[what] = now
        left_s = (now - began) * (total - done) / done if done else None
        left = "" if left_s is None else f", about {left_s:,.0f} s left"
        self._console.print(f"{what}: {done:,} of {total:,}{left}", markup=False)


def show(output: Console, findings: Findings) -> None:
    table = Table(show_header=False, box=None)
    table.add_row("events", f"{findings.events:,}")
    table.add_row("events a second", f"{findings.as_object()['events_per_second']:,}")
    for part, speed in findings.parts.items():
        each = f"{speed['events_per_second']:,.0f}, {speed['cpu_us_per_event']} µs of CPU an event"
        table.add_row(f"  {part.replace('_', ' ')}", each)
    for shard in findings.shards:
        table.add_row(
            f"shard {shard['shard']}",
            f"seq {shard['last_seq']:,}; {shard['heads']:,} heads, up to seq {shard['signed_up_to_seq']:,}",
        )
    for proof, says in SAYS.items():
        table.add_row(_ANSWERS[findings.told(proof)], says)
    for asset, (amount, transfers) in findings.in_transit.items():
        table.add_row("in transit", f"{amount} {asset} in {transfers:,} transfers between shards")
    output.print(table)
    for note in findings.notes:
        output.print(f"note: {note}", markup=False)
    for difference in findings.as_object()["differences"]:
        output.print(f"- {difference}", markup=False)
