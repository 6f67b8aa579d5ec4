"""How a verification tells how far it is, and what it says of what nobody looked at."""

from io import StringIO

from rich.console import Console

from stack.audit.findings import DIFFERENCES_MAX, Findings
from stack.audit.report import LINE_EVERY_S, Lines, show


def test_in_a_log_file_progress_is_a_line_now_and_then_with_the_time_that_is_left() -> None:
    now, written = [0.0], StringIO()
    lines = Lines(Console(file=written), clock=lambda: now[0])
    lines.said("Chain of shard 0", 0, 1_000)
    now[0] = LINE_EVERY_S - 1
    lines.said("Chain of shard 0", 200, 1_000)
    assert written.getvalue() == ""
    now[0] = LINE_EVERY_S
    lines.said("Chain of shard 0", 250, 1_000)
    assert written.getvalue() == "Chain of shard 0: 250 of 1,000, about 30 s left\n"


def test_what_was_not_compared_is_neither_well_nor_wrong() -> None:
    findings, written = Findings(not_compared=["read_models_equal"]), StringIO()
    assert findings.as_object()["read_models_equal"] is None
    assert findings.all_well
    show(Console(file=written, width=120), findings)
    assert "not compared" in written.getvalue()


def test_what_the_parts_found_is_joined_and_what_is_too_much_counted() -> None:
    first, second = Findings(), Findings()
    for number in range(DIFFERENCES_MAX):
        first.wrong("chain_ok", f"first {number}")
        second.wrong("state_hash_equal", f"second {number}")
    whole = Findings()
    whole.join(first)
    whole.join(second)
    told = whole.as_object()
    assert (told["chain_ok"], told["state_hash_equal"], told["money_conserved"]) == (False, False, True)
    assert told["differences"][0] == "first 0"
    assert told["differences"][-1] == f"and {DIFFERENCES_MAX} more"
