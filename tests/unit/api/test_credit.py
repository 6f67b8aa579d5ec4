"""Credit: what may be on its way to a shard follows from what its processor decides."""

from api.command import bounds
from api.command.credit import Credit

TICK_S = bounds.TICK_MS / 1000


class Processor:
    """Decides ``per_s`` commands a second, in order, while time passes in ticks."""

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self.now = 100.0
        self.credit = Credit(self.now, hold_s=5.0)
        self.sent = 0
        self.decided = 0

    def send(self, count: int) -> None:
        self.sent += count
        self.credit.sent(count, self.now)

    def run(self, seconds: float, wanted_per_s: float = 0.0) -> None:
        """Let time pass; traders send what they want, as far as there is room."""
        for _ in range(round(seconds / TICK_S)):
            self.send(min(self.credit.room, int(wanted_per_s * TICK_S)))
            self.now += TICK_S
            self.decided = min(self.sent, self.decided + int(self.per_s * TICK_S))
            self.credit.decided(self.decided, self.now)
            self.credit.tick(self.now)


def test_a_processor_that_cannot_keep_up_is_given_a_tenth_of_a_second_of_work() -> None:
    processor = Processor(20_000)
    processor.run(3, wanted_per_s=60_000)
    assert processor.credit.limit < 20_000 * 0.2, "it never grows for long"
    assert processor.credit.limit >= 20_000 * 0.1


def test_one_that_keeps_up_is_given_more_as_far_as_it_is_used() -> None:
    processor = Processor(500_000)
    processor.run(3, wanted_per_s=100)
    assert processor.credit.limit == bounds.CREDIT_FIRST, "hardly used"
    processor.run(3, wanted_per_s=300_000)
    assert processor.credit.limit > 2 * bounds.CREDIT_FIRST
    assert processor.credit.limit <= bounds.CREDIT_MAX


def test_a_full_batch_always_passes_when_nothing_is_on_its_way() -> None:
    processor = Processor(10)
    processor.send(100)
    processor.run(8)
    assert processor.credit.limit == bounds.CREDIT_MIN
    processor.run(10)
    assert processor.credit.room == bounds.CREDIT_MIN


def test_beyond_the_limit_only_the_reserve_is_left() -> None:
    processor = Processor(0)
    processor.send(processor.credit.limit)
    assert processor.credit.room == 0
    assert processor.credit.reserved_room == bounds.RESERVED
    processor.send(bounds.RESERVED)
    assert processor.credit.reserved_room == 0


def test_an_outcome_frees_what_was_sent_before_it_too() -> None:
    processor = Processor(0)
    processor.send(10)
    processor.credit.decided(7, processor.now)
    assert processor.credit.in_flight == 3
    processor.credit.decided(5, processor.now)
    assert processor.credit.in_flight == 3, "an earlier one, heard of later"


def test_what_nobody_hears_of_again_holds_no_credit_for_ever() -> None:
    processor = Processor(0)
    processor.send(400)
    processor.run(4.5)
    assert processor.credit.in_flight == 400
    processor.run(1.0)
    assert processor.credit.in_flight == 0


def test_it_recovers_when_the_processor_does() -> None:
    processor = Processor(0)
    processor.run(2, wanted_per_s=20_000)
    assert processor.credit.room == 0
    assert processor.credit.retry_after_ms == bounds.RETRY_AFTER_MS_MAX
    processor.per_s = 50_000
    processor.run(2, wanted_per_s=20_000)
    assert processor.credit.room > 0
    assert processor.credit.retry_after_ms == bounds.RETRY_AFTER_MS_MIN


def test_where_no_outcome_can_arrive_that_none_came_says_nothing() -> None:
    processor = Processor(0)
    processor.send(1_000)
    processor.run(1)
    assert processor.credit.limit == bounds.CREDIT_MIN
    processor.credit.tick(processor.now, blind=True)
    assert processor.credit.limit == bounds.CREDIT_FIRST
