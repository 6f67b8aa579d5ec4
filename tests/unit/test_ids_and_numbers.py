"""Ids that follow from what they name, and decimals that come back as they went in."""

from decimal import Decimal
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import (
    SHARDS_MAX,
    account_stream,
    market_stream,
    order_id,
    shard_of,
    stream_id,
    transfer_id,
)
from domain.numbers import AMOUNT_MAX, DIGITS_MAX, decimals_of, format_units, parse_units

units = st.integers(0, 10**DIGITS_MAX - 1)
scales = st.integers(0, 18)
shards = st.integers(0, SHARDS_MAX - 1)
names = st.text(st.characters(codec="utf-8"), max_size=8)

# --- Numbers --------------------------------------------------------------------------------------------


@given(units, scales)
def test_what_is_written_is_read_again(value: int, scale: int) -> None:
    text = format_units(value, scale)
    assert parse_units(text, scale) == value
    assert Decimal(text) == Decimal(value).scaleb(-scale)


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX), scales)
def test_differences_are_written_with_their_sign(value: int, scale: int) -> None:
    assert Decimal(format_units(value, scale)) == Decimal(value).scaleb(-scale)


@given(units, scales, st.integers(0, 5), st.integers(0, 30))
def test_zeros_that_say_nothing_change_nothing(value: int, scale: int, leading: int, trailing: int) -> None:
    text = format_units(value, scale)
    longer = "0" * leading + text + ("" if "." in text else ".") + "0" * trailing
    assert parse_units(longer, scale) == value
    assert decimals_of(longer) == decimals_of(text)


@given(units, scales)
def test_the_written_form_is_the_shortest(value: int, scale: int) -> None:
    text = format_units(value, scale)
    assert decimals_of(text) <= scale
    assert text == text.rstrip(".")
    assert not ("." in text and text.endswith("0"))
    assert text.split(".")[0] == str(value // 10**scale)


@pytest.mark.parametrize(
    ("text", "scale", "value"),
    [("1.25", 2, 125), ("12.5", 8, 1_250_000_000), ("0", 0, 0), ("0.10", 1, 1), ("9" * 18, 0, 10**18 - 1)],
)
def test_examples(text: str, scale: int, value: int) -> None:
    assert parse_units(text, scale) == value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ".",
            ".5",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1\n",
            "1e3",
            "1E3",
            "1_000",
            "1,5",
            "1.2.3",
            "0x1",
            "1/2",
            "1\0",
        ),
        *("NaN", "Infinity"),
        *("٣", "1.٣", "²", "\uff11"),  # digits elsewhere in the world
    ],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a plain decimal number such as 12\.5"):
        parse_units(text, 8)


odd_texts = st.text(st.characters(exclude_characters="0123456789."), min_size=1)


@given(odd_texts, st.text("0123456789.", max_size=3))
def test_anything_but_digits_and_a_point_is_refused(odd: str, digits: str) -> None:
    for text in (odd, digits + odd, odd + digits):
        with pytest.raises(ValueError, match="is not a plain decimal number"):
            parse_units(text, 8)


def test_too_many_decimals_are_refused_and_never_rounded() -> None:
    with pytest.raises(ValueError, match=r"1\.255 has 3 decimals; at most 2 are allowed"):
        parse_units("1.255", 2)


@pytest.mark.parametrize("text", ["1" + "0" * 18, "9" * 5000, "0.1" + "0" * 18 + "1"])
def test_too_many_digits_are_refused_in_plain_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is too large: at most 18 digits|decimals; at most"):
        parse_units(text, 0)


def test_the_decimals_count_as_digits() -> None:
    assert parse_units("9" * 10, 8) == int("9" * 10 + "0" * 8)
    with pytest.raises(ValueError, match=r"at most 18 digits, decimals included \(8 of them\)"):
        parse_units("1" + "0" * 10, 8)


def test_zeros_do_not_count_as_digits() -> None:
    assert parse_units("0" * 5000 + "1." + "0" * 5000, 2) == 100


@pytest.mark.parametrize(("text", "decimals"), [("0.01", 2), ("5", 0), ("5.0", 0), ("0.010", 2)])
def test_how_many_decimals_a_number_needs(text: str, decimals: int) -> None:
    assert decimals_of(text) == decimals


# --- Ids ------------------------------------------------------------------------------------------------


@given(shards, names, names)
def test_an_id_is_a_uuid_of_version_8_that_names_its_shard(shard: int, account: str, client_id: str) -> None:
    stream = order_id(shard, account, client_id)
    uuid = UUID(stream)
    assert str(uuid) == stream
    assert (uuid.version, uuid.variant) == (8, RFC_4122)
    assert shard_of(stream) == shard


@given(shards, names, names)
def test_the_same_names_give_the_same_id(shard: int, account: str, client_id: str) -> None:
    assert order_id(shard, account, client_id) == order_id(shard, account, client_id)


@given(st.lists(names, min_size=1, max_size=3), st.lists(names, min_size=1, max_size=3))
def test_other_names_give_another_id(some: list[str], others: list[str]) -> None:
    assert (stream_id(0, "order", *some) == stream_id(0, "order", *others)) == (some == others)


@pytest.mark.parametrize("separator", ["\0", ":", "1:", "/", "-", ""])
def test_no_character_in_a_name_makes_two_names_one(separator: str) -> None:
    assert order_id(0, f"a{separator}b", "c") != order_id(0, "a", f"b{separator}c")
    assert stream_id(0, "order", f"a{separator}b") != stream_id(0, "order", "a", "b")


def test_each_kind_of_stream_and_each_shard_has_ids_of_its_own() -> None:
    assert order_id(0, "a", "b") != transfer_id(0, "a", "b")
    assert account_stream(0, "a") != market_stream(0, "a")
    assert order_id(0, "a", "b")[4:] == order_id(1, "a", "b")[4:]
    assert order_id(0, "a", "b") != order_id(1, "a", "b")


GOOD_ID = order_id(7, "alice", "1")


@pytest.mark.parametrize(
    "text",
    [
        *("", "0007", "0x1f", "+001", "1_00", "00000000-0000-4000-8000-000000000000"),
        *(
            GOOD_ID + "0",
            GOOD_ID[:-1],
            GOOD_ID.upper(),
            GOOD_ID.replace("-", ""),
            f" {GOOD_ID}",
            f"{GOOD_ID}\n",
        ),
        *("zzzz" + GOOD_ID[4:], "\u0660" * 4 + GOOD_ID[4:]),
    ],
)
def test_what_is_no_stream_id_names_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match="is no stream id such as"):
        shard_of(text)
