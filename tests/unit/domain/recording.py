"""From decided events to stored ones and back, as the order processor does it: the postings of a batch come
last, one event for each account."""

import msgspec

from domain.account import AccountPosted, Posting
from domain.event import Event
from domain.exchange import Exchange, evolve
from streams.codec import RecordedEvent, decode_recorded, encode


def replayed(events: list[Event]) -> Exchange:
    exchange = Exchange()
    for event in events:
        evolve(exchange, event)
    return exchange


def grouped(batch: list[Event]) -> list[Event]:
    postings: dict[str, list[Posting]] = {}
    for event in batch:
        if isinstance(event, Posting):
            postings.setdefault(event.account, []).append(event)
    others = [event for event in batch if not isinstance(event, Posting)]
    return [*others, *(AccountPosted(account, tuple(some)) for account, some in postings.items())]


def stored(batches: list[list[Event]]) -> list[bytes]:
    events = [event for batch in batches for event in grouped(batch)]
    return [encode(_recorded(seq, event)) for seq, event in enumerate(events, 1)]


def _recorded(seq: int, event: Event) -> RecordedEvent:
    fields = {
        "seq": seq,
        "event_id": f"0-{seq}",
        "stream": "",
        "version": seq,
        "occurred_at_us": seq,
        "actor": "",
        "causation_id": "",
        "event": event,
    }
    return msgspec.convert(fields, RecordedEvent, from_attributes=True)


def read(states: list[bytes]) -> list[Event]:
    return [decode_recorded(state).event for state in states]
