"""The time machine's client with real children: quick ones, slow ones, and ones that die."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.query.audit.machine import BrokenError, BusyError, MachineClient
from streams.audit.travel import Wanted

ARRIVED = '{"arrived": {"found": {"seq": %d}, "proven": true, "proof": "so it is"}}'
CHILD = f"""
import json, sys, time
for line in sys.stdin:
    seq = json.loads(line)["seq"]
    if seq == 0:
        sys.exit()
    if seq == 1:
        print('{{"error": "no store"}}', flush=True)
        continue
    if seq > 10:
        print('{{"at": 3, "until": %d}}' % seq, flush=True)
        time.sleep(0.6)
    print('{ARRIVED}' % seq, flush=True)
"""
Make = Callable[[int], MachineClient]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    made: list[MachineClient] = []

    def one(wait_ms_max: int) -> MachineClient:
        made.append(MachineClient([sys.executable, str(child)], wait_ms_max))
        return made[-1]

    yield one
    for client in made:
        client.close()


def wanted(seq: int) -> Wanted:
    return Wanted(0, seq, "order", "x")


def test_it_answers_one_wish_after_the_other(make: Make) -> None:
    client = make(20_000)
    answers = [client(wanted(seq)) for seq in (5, 6, 11)]
    assert [bytes(answer.found) for answer in answers] == [b'{"seq": 5}', b'{"seq": 6}', b'{"seq": 11}']
    assert all(answer.proven for answer in answers)


def test_a_long_replay_goes_on_after_it_said_how_far_it_is(make: Make) -> None:
    client = make(20_000)
    client(wanted(2))  # the child runs
    client._wait_s_max = 0.3
    with pytest.raises(BusyError, match="it has come to seq 3 of 12"):
        client(wanted(12))
    client._wait_s_max = 20
    assert bytes(client(wanted(7)).found) == b'{"seq": 7}'


def test_what_goes_wrong_is_told_and_the_next_wish_is_answered(make: Make) -> None:
    client = make(20_000)
    with pytest.raises(BrokenError, match="no store"):
        client(wanted(1))
    with pytest.raises(BrokenError, match="ended before it arrived"):
        client(wanted(0))
    assert bytes(client(wanted(5)).found) == b'{"seq": 5}'
