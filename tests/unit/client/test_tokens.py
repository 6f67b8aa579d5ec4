"""The read-after token of many writes."""

from api.client.bounds import PLACES_MAX
from api.client.tokens import ReadAfter


def test_the_furthest_event_of_each_place_counts() -> None:
    read_after = ReadAfter()
    for token in ("a1.0:5,e3.0:6", "a1.0:4,e2.0:9", "", "nonsense"):
        read_after.note(token)
    assert read_after.token == "a1.0:5,e2.0:9,e3.0:6"


def test_no_more_places_are_named_than_the_api_takes() -> None:
    read_after = ReadAfter()
    for number in range(PLACES_MAX + 10):
        read_after.note(f"a{number}.0:1")
    assert len(read_after.token.split(",")) == PLACES_MAX
    assert f"a{PLACES_MAX + 9}.0:1" in read_after.token
