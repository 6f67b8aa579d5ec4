"""Writes docs/problems.md, every problem of the APIs, from the code: `python docs/problems.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from api.problems import PROBLEMS

PAGE = Path(__file__).with_name("problems.md")

ABOUT = """\
# Problems

Every answer of both APIs with a status of 400 and above is a problem (RFC 9457, `application/problem+json`):

| field | |
|---|---|
| `status` | the HTTP status |
| `code` | stable, for programs: one of those below |
| `title`, `remedy` | what the code means, and what to do about it |
| `detail` | what was wrong this time, with which value |
| `field`, `value` | where one field was wrong: its name and what was in it, shortened, never a secret |
| `type` | leads to the entry of the code; each API serves this page itself at `/docs/problems` |

A refused or rejected command has `command_id`, `order_id` or `list_id`, `status_of_order`, `replayed` and
`token` beside them. Over the WebSocket a reply carries `code`, `detail` and `remedy` in the same meaning.

This page is made from the code (`python docs/problems.py`).
"""


def as_text() -> str:
    entries = (
        f"## {code}\n\n{reason.meaning}\n\n**What to do:** {reason.remedy}\n"
        for code, reason in sorted(PROBLEMS.items())
    )
    return "\n".join((ABOUT, *entries))


if __name__ == "__main__":
    PAGE.write_text(as_text())
