"""Read-your-writes: the token says how far to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.progress import PARTS_MAX, Place, read_token, write_token
from streams.topics import ACCOUNTS, EXECUTIONS

places = st.builds(
    Place, st.sampled_from([ACCOUNTS, EXECUTIONS]), st.integers(0, 999), st.integers(0, 2**16 - 1)
)
tokens = st.dictionaries(places, st.integers(0, 2**63 - 1), max_size=8)


@given(tokens)
def test_what_is_written_is_read_again(seqs: dict[Place, int]) -> None:
    assert read_token(write_token(seqs)) == seqs


@given(tokens)
def test_a_token_does_not_depend_on_the_order_of_its_parts(seqs: dict[Place, int]) -> None:
    assert write_token(dict(reversed(seqs.items()))) == write_token(seqs)


def test_a_token_as_it_is_written() -> None:
    token = write_token({Place(EXECUTIONS, 3, 0): 1240, Place(ACCOUNTS, 1, 0): 1243})
    assert token == "a1.0:1243,e3.0:1240"


def test_no_writes_no_token() -> None:
    assert write_token({}) == ""
    assert read_token("") == {}


@pytest.mark.parametrize(
    "token",
    [
        *("x1.0:5", "E1.0:5", "1.0:5", "nonsense"),
        *("e1.0", "e1:5", "e.0:5", "e1.:5", "e1.0:", "e1.0:5:6", "e1.0.0:5"),
        *("e1.0:5,", ",e1.0:5", "e1.0:5;a1.0:5"),
        *("e1.0:-5", "e-1.0:5", "e1.0:5 ", "e1.0:0x5", "e1.0:1_0", "e1.0:²"),
    ],
)
def test_what_is_none_of_ours_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_token(token)


def test_the_refusal_names_the_part() -> None:
    with pytest.raises(ValueError, match=r"'x1\.0:5' is no part of a token such as a1\.0:1243,e3\.0:1240"):
        read_token("e1.0:5,x1.0:5")


def test_a_token_has_a_bound() -> None:
    parts = [f"e{partition}.0:1" for partition in range(PARTS_MAX)]
    assert len(read_token(",".join(parts))) == PARTS_MAX
    with pytest.raises(ValueError, match=f"token has {PARTS_MAX + 1} parts; at most {PARTS_MAX}"):
        read_token(",".join([*parts, "a0.0:1"]))


def test_of_a_place_named_twice_the_later_seq_counts() -> None:
    assert read_token("e1.0:5,e1.0:3") == {Place("executions", 1, 0): 5}


def test_digits_of_other_scripts_are_no_token() -> None:
    with pytest.raises(ValueError, match="is no part of a token"):
        read_token("e\u0663.0:\u0664")
