"""When a worker last had all there was: never later than it was so."""

import pytest

from streams.lateness import LOOKS_KEPT_MAX, Ends


@pytest.mark.parametrize(
    ("looks", "done", "expected"),
    [
        ([], 5, None),
        ([(10, 0)], 0, 10),
        ([(10, 3)], 2, None),
        ([(10, 3)], 3, 10),
        ([(10, 3), (20, 5)], 4, 10),
        ([(10, 3), (20, 5)], 5, 20),
        ([(10, 3), (20, 3), (30, 9)], 3, 20),
    ],
)
def test_the_latest_moment_at_which_that_was_all_there_was(
    looks: list[tuple[int, int]], done: int, expected: int | None
) -> None:
    ends = Ends()
    for at_us, end in looks:
        ends.saw(at_us, end)
    assert ends.done_until(done) == expected


def test_while_nothing_is_done_the_moment_stays() -> None:
    ends = Ends()
    ends.saw(10, 3)
    assert ends.done_until(3) == 10
    for at_us in range(20, 20 + 2 * LOOKS_KEPT_MAX):
        ends.saw(at_us, 4)
    assert ends.done_until(3) == 10
    assert len(ends.seen) == LOOKS_KEPT_MAX
    assert ends.done_until(4) == 19 + 2 * LOOKS_KEPT_MAX
