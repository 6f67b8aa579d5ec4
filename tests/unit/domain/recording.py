"""From decided events to stored ones and back, as the order processor does it: the postings of a batch come
last, one event for each account."""

import msgspec

from domain.account import AccountPosted, Posting
from domain.event import Event
from domain.exchange import Exchange, replay
from streams.codec import RecordedEvent, decode_recorded, encode

Timed = tuple[int, Event]  # when it happened, in microseconds since 1970


def replayed(events: list[Timed]) -> Exchange:
    exchange = Exchange()
    for occurred_at_us, event in events:
        replay(exchange, event, occurred_at_us)
    return exchange


def timed(batches: list[list[Event]], times: dict[int, int]) -> list[Timed]:
    """Return the events of all batches; ``times``: when the batches happened that have any."""
    return [(times[number], event) for number, batch in enumerate(batches) for event in batch]


def grouped(batch: list[Event]) -> list[Event]:
    postings: dict[str, list[Posting]] = {}
    for event in batch:
        if isinstance(event, Posting):
            postings.setdefault(event.account, []).append(event)
    others = [event for event in batch if not isinstance(event, Posting)]
    return [*others, *(AccountPosted(account, tuple(some)) for account, some in postings.items())]


def stored(batches: list[list[Event]], times: dict[int, int]) -> list[bytes]:
    events = timed([grouped(batch) for batch in batches], times)
    return [encode(_recorded(seq, *event)) for seq, event in enumerate(events, 1)]


def _recorded(seq: int, occurred_at_us: int, event: Event) -> RecordedEvent:
    fields = {
        "seq": seq,
        "event_id": f"0-{seq}",
        "stream": "",
        "version": seq,
        "occurred_at_us": occurred_at_us,
        "actor": "",
        "causation_id": "",
        "event": event,
    }
    return msgspec.convert(fields, RecordedEvent, from_attributes=True)


def read(states: list[bytes]) -> list[Timed]:
    events = map(decode_recorded, states)
    return [(recorded.occurred_at_us, recorded.event) for recorded in events]
