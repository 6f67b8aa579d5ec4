"""Writes the table of rejections in docs/DOMAIN.md from the code: `python docs/rejections.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from domain.rejections import CATALOGUE

PAGE = Path(__file__).with_name("DOMAIN.md")
BEGIN, END = "<!-- rejections: begin -->\n", "<!-- rejections: end -->"


def table() -> str:
    rows = [
        f"| `{code}` | {reason.meaning} | {reason.remedy} |" for code, reason in sorted(CATALOGUE.items())
    ]
    return "\n".join(["| code | what it means | what to do |", "|---|---|---|", *rows]) + "\n"


def with_table(page: str) -> str:
    """Return the page with the table as the code has it now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
