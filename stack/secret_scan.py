"""Looks for secrets in what is committed: `python -m stack.secret_scan`, as `./oms check` does.

The kept scanners need the network, a binary, or have not been released for years (docs/adr/0020); these few
patterns find what a person commits by mistake: private keys, keys of clouds and forges, tokens, and long
random texts that are assigned to something called a secret. What is found and opens nothing is listed in
stack/accepted-findings.toml, with the reason.
"""

import math
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parent.parent
ACCEPTED = CHECKOUT / "stack" / "accepted-findings.toml"
FILE_BYTES_MAX = 2_000_000
ENTROPY_BITS_MIN = 3.5
"""Of each character: words have less, random letters and digits more."""

PATTERNS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    "AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{50,}\b"),
    "GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}\b"),
    "Slack token": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}\b"),
    "Google API key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "Stripe key": re.compile(r"\b[rs]k_live_[A-Za-z0-9]{20,}\b"),
    "PyPI or npm token": re.compile(r"\bpypi-[A-Za-z0-9_-]{50,}\b|\bnpm_[A-Za-z0-9]{36}\b"),
    "JSON web token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "password in an address": re.compile(r"\b[a-z][a-z0-9+]*://[^\s:/@{}$<>\"']+:([^\s:/@{}$<>\"']{8,})@"),
}
ASSIGNED = re.compile(
    r"(?i)[\w-]*(?:secret|password|passwd|token|api_?key|private_?key)[\w-]*[\"']?\s*[:=]\s*"
    r"[\"']([A-Za-z0-9+/=_-]{20,})[\"']"
)


class Found(NamedTuple):
    """A secret, or what looks like one: never its text."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def scan(name: str, text: str) -> Iterator[Found]:
    """Yield what looks like a secret in a file's text."""
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in PATTERNS.items():
            if pattern.search(line):
                yield Found(name, number, what)
        for assigned in ASSIGNED.finditer(line):
            if entropy_bits(assigned[1]) >= ENTROPY_BITS_MIN:
                yield Found(name, number, "random text assigned to a secret")


def entropy_bits(text: str) -> float:
    """Return Shannon's entropy of the text, in bits for each character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def committed(folder: Path) -> list[str]:
    """Return the files that git knows, or would with the next `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, cwd=folder).stdout
    return sorted(name for name in listed.decode().split("\0") if name)


def findings(folder: Path) -> list[Found]:
    """Return what looks like a secret in a checkout; files that are no text, or huge, have none to read."""
    found: list[Found] = []
    for name in committed(folder):
        path = folder / name
        if not path.is_file() or path.stat().st_size > FILE_BYTES_MAX:
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            found += scan(name, content.decode(errors="replace"))
    return found


def main() -> int:
    accepted: dict[str, str] = tomllib.loads(ACCEPTED.read_text()).get("secrets", {})
    found = findings(CHECKOUT)
    bad = [str(each) for each in found if each.file not in accepted]
    idle = sorted(accepted.keys() - {each.file for each in found})
    for line in bad:
        print(line)
    for name in idle:
        print(f"{ACCEPTED.name}: {name} has nothing to accept; take the line out")
    if bad:
        print(
            f"Next: take it out, and make it worthless; or say in {ACCEPTED.relative_to(CHECKOUT)} why it "
            "opens nothing."
        )
    return 1 if bad or idle else 0


if __name__ == "__main__":
    sys.exit(main())
