"""What the engine benchmark prints: one object for programs, tables for people."""

from collections.abc import Sequence
from statistics import harmonic_mean, median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.engine.contestants import OURS, PEERS, Contestant
from bench.engine.flow import Flow
from bench.engine.messages import KINDS
from stack.load.report import machine, version

COMPILED_MESSAGES_PER_SECOND_MIN = 300_000
RESTING_BYTES_MAX = 600

Played = tuple[Flow, dict[str, Any]]


def row(contestant: Contestant, played: Sequence[Played]) -> dict[str, Any]:
    """Return a contestant's row. ``value`` (messages/s) weighs all books alike that could be played."""
    books = {flow.shape.name: book(contestant, flow, outcome) for flow, outcome in played}
    done = [found for found in books.values() if "failed" not in found]
    figures = {
        key: round(harmonic_mean([found[key] for found in done])) if done else None
        for key in ("value", "min", "max")
    }
    compiled = [outcome["compiled"] for _, outcome in played if "compiled" in outcome]
    failed = {name: found["failed"] for name, found in books.items() if "failed" in found}
    return {
        "name": contestant.name,
        "unit": "messages/s",
        **figures,
        "language": contestant.language,
        "version": contestant.version,
        "how": contestant.how,
        "leaves_out": contestant.leaves_out,
        "ns_per_message": by_kind(done),
        "books": books,
        **({"failed": failed} if failed else {}),
        **({"compiled": all(compiled)} if compiled else {}),
    }


def book(contestant: Contestant, flow: Flow, outcome: dict[str, Any]) -> dict[str, Any]:
    if "failed" in outcome:
        return {"failed": outcome["failed"]}
    rates = [round(messages / seconds) for seconds, messages in outcome["runs"]]
    return {
        "value": round(median(rates)),
        "min": min(rates),
        "max": max(rates),
        "messages": min(messages for _, messages in outcome["runs"]),
        "ns_per_message": outcome["kinds_ns"],
        "trades": outcome["trades"] if contestant.tells_trades else None,
        "volume_lots": outcome["volume_lots"],
        "differences": differences(contestant, flow, outcome),
    }


def differences(contestant: Contestant, flow: Flow, outcome: dict[str, Any]) -> list[str]:
    """Compare with what the reference book says must have traded by then."""
    last = outcome["inspected"] - 1
    found = []
    if contestant.tells_trades and outcome["trades"] != flow.trades[last]:
        found.append(f"{outcome['trades']:,} trades, expected {flow.trades[last]:,}")
    if outcome["volume_lots"] != flow.volume_lots[last]:
        found.append(f"{outcome['volume_lots']:,} lots traded, expected {flow.volume_lots[last]:,}")
    return found


def by_kind(books: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return the mean over the books; empty where messages cannot be timed one by one."""
    measured = [found["ns_per_message"] for found in books if found["ns_per_message"]]
    return {
        kind: round(sum(ns[kind] for ns in measured) / len(measured))
        for kind in KINDS
        if measured and all(kind in ns for ns in measured)
    }


def growth(sizes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """``bytes_per_order``: what each order between the least and the most adds to the resident memory."""
    least, most = sizes[0], sizes[-1]
    more_bytes = most["resident_bytes"] - least["resident_bytes"]
    return {
        "bytes_per_order": round(more_bytes / (most["resting"] - least["resting"])),
        "growth": round(most["ns_per_message"] / least["ns_per_message"], 2),
        "sizes": list(sizes),
    }


def as_object(rows: Sequence[dict[str, Any]], load: dict[str, Any]) -> dict[str, Any]:
    ratios = {found["name"]: ratio(rows[0], found) for found in rows[1:]}
    return {
        "bench": "engine",
        "machine": machine(),
        "version": version(),
        "load": load,
        "results": list(rows),
        "ratios": {name: value for name, value in ratios.items() if value is not None},
        "missed": missed(rows),
    }


def ratio(ours: dict[str, Any], theirs: dict[str, Any]) -> float | None:
    """Return our messages/s over theirs, on the books that both have played."""
    by_book = ratios_by_book(ours, theirs)
    if not by_book:
        return None
    our, their = (
        harmonic_mean([found["books"][name]["value"] for name in by_book]) for found in (ours, theirs)
    )
    return round(float(our / their), 3)


def ratios_by_book(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    return {
        name: round(ours["books"][name]["value"] / found["value"], 3)
        for name, found in theirs["books"].items()
        if "failed" not in found and "failed" not in ours["books"][name]
    }


def missed(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Name each target that is not met, and by how much."""
    return [*_too_slow(rows[0]), *_behind(rows), *_too_large(rows[0])]


def _too_slow(ours: dict[str, Any]) -> list[str]:
    target = f"{COMPILED_MESSAGES_PER_SECOND_MIN:,} messages/s compiled"
    value = ours["value"]
    if value is None:
        return [f"{target}: not measured, {ours['failed']}"]
    if not ours.get("compiled"):
        return [f"{target}: the domain is not compiled here; plain it does {value:,}"]
    if value < COMPILED_MESSAGES_PER_SECOND_MIN:
        return [f"{target}: {value:,}, {_short(value, COMPILED_MESSAGES_PER_SECOND_MIN)}"]
    return []


def _behind(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Every Python and JavaScript peer is to be slower than we are, on each book."""
    mine = {ours.name for ours in OURS}
    rivals = [found for found in rows if found["language"] in {"python", "javascript"}]
    return [
        f"ahead of {rival['name']} on the {name} book: {found} of its messages/s"
        for rival in rivals
        if rival["name"] not in mine
        for name, found in ratios_by_book(rows[0], rival).items()
        if found < 1
    ]


def _too_large(ours: dict[str, Any]) -> list[str]:
    found = ours.get("resting", {}).get("bytes_per_order")
    if found is None or found <= RESTING_BYTES_MAX:
        return []
    return [f"{RESTING_BYTES_MAX} bytes per resting order: {found:,}"]


def _short(value: float, target: float) -> str:
    return f"{100 * (1 - value / target):.0f} % short"


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the result for a person."""
    for table in (speed_table(found), kinds_table(found)):
        console.print(table)
        console.print()
    for line in [*resting_lines(found), *notes(found)]:
        console.print(line, markup=False)
    for target in found["missed"]:
        console.print(f"missed: {target}", style="red", markup=False)


def speed_table(found: dict[str, Any]) -> Table:
    """Messages/s: the harmonic mean of both books' medians, and the books' own medians."""
    books = [book["name"] for book in found["load"]["books"]]
    table = _table("messages/s", "least", "most", *books, "ours is x")
    for result in found["results"]:
        figures = [result[key] for key in ("value", "min", "max")]
        figures += [result["books"][name].get("value") for name in books]
        table.add_row(result["name"], *map(_number, figures), str(found["ratios"].get(result["name"], "")))
    return table


def kinds_table(found: dict[str, Any]) -> Table:
    table = _table(*(f"{kind}, ns" for kind in KINDS))
    for result in found["results"]:
        if result["ns_per_message"]:
            table.add_row(result["name"], *(_number(result["ns_per_message"].get(kind)) for kind in KINDS))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("engine")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"


def resting_lines(found: dict[str, Any]) -> list[str]:
    return [resting_line(ours) for ours in found["results"] if "resting" in ours]


def resting_line(ours: dict[str, Any]) -> str:
    name, found = (
        f"{ours['name']} ({'compiled' if ours.get('compiled') else 'plain Python'})",
        ours["resting"],
    )
    if "failed" in found:
        return f"{name}, resting orders: {found['failed']}"
    sizes = ", ".join(f"{size['ns_per_message']:,} ns at {size['resting']:,}" for size in found["sizes"])
    return f"{name}: {found['bytes_per_order']:,} bytes per resting order; a message takes {sizes}"


def notes(found: dict[str, Any]) -> list[str]:
    """Say what was played, whether all traded alike, what failed, and what the others leave out."""
    return [*_load(found["load"]), *_agreement(found), *_failures(found), *_omissions(found)]


def _load(load: dict[str, Any]) -> list[str]:
    before, after = load["machine_load_before"][0], load["machine_load_after"][0]
    return [
        f"{load['messages']:,} messages on each book, seed {load['seed']}, {load['repetitions']} repetitions",
        f"load of the machine: {before:.1f} before, {after:.1f} after",
        *(f"{book['name']} book, {book['resting']:,} resting: {_shares(book)}" for book in load["books"]),
    ]


def _shares(book: dict[str, Any]) -> str:
    shares = {name.removesuffix("_pct"): value for name, value in book.items() if name.endswith("_pct")}
    return ", ".join(f"{name.replace('_', ' ')} {value} %" for name, value in shares.items())


def _agreement(found: dict[str, Any]) -> list[str]:
    differing = [
        f"{result['name']}, {name} book, trades differently: {text}"
        for result in found["results"]
        for name, book in result["books"].items()
        for text in book.get("differences", [])
    ]
    return differing or ["all engines trade alike: as many trades, as many lots"]


def _failures(found: dict[str, Any]) -> list[str]:
    return [
        f"{result['name']}, {name} book: {why}"
        for result in found["results"]
        for name, why in result.get("failed", {}).items()
    ]


def _omissions(found: dict[str, Any]) -> list[str]:
    peers = {peer.name for peer in PEERS}
    return [
        f"{result['name']} leaves out: {result['leaves_out']}"
        for result in found["results"]
        if result["name"] in peers
    ]
