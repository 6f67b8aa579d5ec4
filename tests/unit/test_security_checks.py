"""The checks that look for what ought not to be committed, and for packages that ought not to be used."""

import subprocess
from pathlib import Path

import pytest

from stack.secret_scan import entropy_bits, findings, scan
from stack.vulnerabilities import weaknesses

# put together here, so that this file has none in it
RANDOM = "q7Zk2" + "Xv9Lm4" + "Tn8Rb3" + "Wc6Yd1"
SECRETS = {
    "private key": "-----BEGIN EC " + "PRIVATE KEY-----",
    "AWS access key": "AKIA" + "IOSFODNN7" + "EXAMPLE",
    "GitHub token": "ghp" + "_" + "a1B2" * 9,
    "Slack token": "xox" + "b-1234567890-abcdef",
    "JSON web token": "eyJ" + "hbGciOiJIUzI1" + ".eyJ" + "zdWIiOiJtZSJ9" + "." + "c2lnbmF0dXJl",
    "password in an address": "postgresql://oms:" + "hunter2hunter2" + "@db.example.com/oms",
    "random text assigned to a secret": f'TOKEN_SECRET = "{RANDOM}"',
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_found_and_its_text_is_not_told(what: str) -> None:
    (found,) = scan("file.py", f"first\n{SECRETS[what]}\n")
    assert (found.line, found.what) == (2, what)
    assert SECRETS[what] not in str(found)


@pytest.mark.parametrize(
    "harmless",
    [
        'token_secret = "the secret that signs our tokens"',
        'PASSWORD_FILE = "postgres-password"',
        "secret = settings.token_secret",
        'password: "{{ .Values.password }}"',
        "postgresql://oms:{password}@db/oms",
        "--hash=sha256:60cbc4bad079753721d32649545505362c754e121570ada4658b852a3a318d95",
    ],
)
def test_what_is_none_is_left_alone(harmless: str) -> None:
    assert list(scan("file.py", harmless)) == []


def test_random_text_has_more_in_it_than_words() -> None:
    assert entropy_bits("aaaaaaaaaaaaaaaaaaaa") == 0
    assert entropy_bits("password-password-pa") < 3.5 < entropy_bits(RANDOM)


def test_files_that_are_not_yet_committed_are_looked_at_and_ignored_ones_are_not(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("kept.env\n")
    for name in ("kept.env", "new.env"):
        (tmp_path / name).write_text(SECRETS["AWS access key"])
    (tmp_path / "picture.bin").write_bytes(b"\0" + SECRETS["AWS access key"].encode())
    assert [found.file for found in findings(tmp_path)] == ["new.env"]


def test_a_known_weakness_is_told_unless_it_is_accepted() -> None:
    weak = {"id": "GHSA-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.1"]}
    report = {"dependencies": [{"name": "thing", "version": "1.0", "vulns": [weak]}, {"name": "skipped"}]}
    assert weaknesses(report, {}) == ["thing 1.0: GHSA-1, mended in 1.1"]
    assert weaknesses(report, {"CVE-2026-1": "only on Windows"}) == []
