"""Heads: what is signed is what is read back, and nothing else is."""

from pathlib import Path

import pytest

from commands.heads import Head, HeadError, HeadFiles, Keys, Signer, link, pem

OWN = Signer("01" * 32)
STRANGER = Signer("02" * 32)


def head(signer: Signer, last_seq: int = 7, previous: str = "") -> Head:
    return Head("head", 0, last_seq, "aa", "bb", 1, 1_790_000_000_000_000, previous, signer.key_id)


def test_a_signed_head_is_read_back() -> None:
    assert Keys([OWN.public_key]).read_line(OWN.line(head(OWN))) == head(OWN)


@pytest.mark.parametrize(
    ("field", "forged"),
    [
        (b'"last_seq":7', b'"last_seq":8'),
        (b'"chain_hash":"aa"', b'"chain_hash":"ab"'),
        (b'"state_hash":"bb"', b'"state_hash":"bc"'),
        (b'"shard":0', b'"shard":1'),
        (b'"kind":"head"', b'"kind":"restored"'),
    ],
)
def test_any_changed_field_breaks_the_signature(field: bytes, forged: bytes) -> None:
    line = OWN.line(head(OWN))
    assert field in line
    with pytest.raises(HeadError, match="does not hold"):
        Keys([OWN.public_key]).read_line(line.replace(field, forged))


def test_a_key_that_nobody_trusts_counts_for_nothing() -> None:
    with pytest.raises(HeadError, match=STRANGER.key_id):
        Keys([OWN.public_key]).read_line(STRANGER.line(head(STRANGER)))


def test_who_claims_anothers_key_is_found_out() -> None:
    with pytest.raises(HeadError, match="does not hold"):
        Keys([OWN.public_key]).read_line(STRANGER.line(head(OWN)))


@pytest.mark.parametrize("line", [b"", b"{}", b'{"head":{}}', b"\xff"])
def test_what_is_no_head_is_said_to_be_none(line: bytes) -> None:
    with pytest.raises(HeadError, match="no signed head"):
        Keys([OWN.public_key]).read_line(line)


def test_a_key_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        Signer("010203")


def test_a_published_key_can_be_trusted_by_its_file(tmp_path: Path) -> None:
    files = HeadFiles(tmp_path / "heads")
    files.publish_key(STRANGER)
    keys = Keys.read(OWN.public_key, [files.folder / f"{STRANGER.key_id}.pub"])
    assert keys.read_line(STRANGER.line(head(STRANGER))) == head(STRANGER)


def test_another_kind_of_file_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "note").write_text(pem(OWN.public_key).replace("KEY", "NOTE"))
    with pytest.raises(HeadError, match="no public key"):
        Keys.read(OWN.public_key, [tmp_path / "note"])


def test_heads_are_appended_and_the_last_is_found(tmp_path: Path) -> None:
    files = HeadFiles(tmp_path)
    assert files.last(0) == b""
    lines: list[bytes] = []
    for seq in range(1, 50):
        lines.append(OWN.line(head(OWN, seq, link(lines[-1]) if lines else "")))
        files.append(0, lines[-1])
        assert files.last(0) == lines[-1]
    assert list(files.lines(0)) == lines
    assert files.shards() == [0]


def test_a_line_that_a_crash_left_half_written_is_no_head(tmp_path: Path) -> None:
    files = HeadFiles(tmp_path)
    files.path(0).write_bytes(OWN.line(head(OWN))[:50])
    assert files.last(0) == b""
    files.append(0, OWN.line(head(OWN)))
    assert list(files.lines(0)) == [OWN.line(head(OWN))]
