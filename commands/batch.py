"""A batch: the commands that share one commit, decided one after the other.

All postings to one account become one stored event (several where they are very many); nothing else depends
on which commands happened to come together.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from eventsourcing.persistence import StoredEvent

from commands.messages import AnyCommand, CommandMessage, Outcome
from commands.outcome import outcome, refused, same_content
from commands.shard import Shard
from domain.account import AccountPosted, Deposit, Posting
from domain.event import Event
from domain.exchange import Exchange, decide, make_so, pass_time
from domain.order import CancelOrder, CancelReplace, OrderCancelled, PlaceOrder
from domain.order_list import CancelOrderList, OrderListEnded, PlaceOrderList
from domain.rejections import RefusedError
from streams.codec import RecordedEvent, StoredEventType, encode, event_type
from streams.topics import TopicPartition

logger = logging.getLogger(__name__)

POSTINGS_PER_EVENT_MAX = 500
PROCESSOR = "order-processor"


class Cause(NamedTuple):
    """Who and what made an event happen."""

    actor: str
    causation_id: str
    correlation_id: str


_CLOCK = Cause("clock", "", "")

# What a grouped event says of its cause: its postings each name their own.
_GROUPED = Cause(PROCESSOR, "", "")


class Placed(NamedTuple):
    """An event as it will be stored, and where it is to be published."""

    stored: StoredEvent
    seq: int
    place: TopicPartition


def created_id(command: AnyCommand) -> str | None:
    """Return the id of the stream that ``command`` begins, if it begins one that must begin only once."""
    if isinstance(command, PlaceOrder):
        return None if command.dry_run else command.order_id
    if isinstance(command, CancelReplace):
        return command.order_id
    if isinstance(command, PlaceOrderList):
        return command.list_id
    return command.transfer_id if isinstance(command, Deposit) else None


def asked_before(exchange: Exchange, command: AnyCommand) -> Sequence[str]:
    """Return the ids of the streams whose history may hold the answer to ``command`` already."""
    if isinstance(command, CancelOrder) and command.order_id not in exchange.orders:
        return (command.order_id,)
    if isinstance(command, CancelOrderList) and command.list_id not in exchange.lists:
        return (command.list_id,)
    stream = created_id(command)
    return () if stream is None else (stream, *leg_ids(command))


def leg_ids(command: AnyCommand) -> tuple[str, ...]:
    """Return the ids of the other streams that begin with the one that ``command`` creates."""
    return tuple(leg.order_id for leg in command.legs) if isinstance(command, PlaceOrderList) else ()


class Batch:
    """Decides commands against a shard, at one time, and gathers what is to be stored and answered.

    ``earlier`` has the stored events of each id among the commands that was used in an earlier batch.
    """

    def __init__(self, shard: Shard, now_us: int, earlier: Mapping[str, Sequence[RecordedEvent]]) -> None:
        self.shard = shard
        self.now_us = now_us
        self.outcomes: dict[str, list[Outcome]] = {}
        self._earlier = earlier
        self._events: list[tuple[StoredEventType, Cause]] = []
        self._postings: dict[str, list[Posting]] = {}
        self._caused: dict[str, list[Event]] = {}
        self._gather(_CLOCK, pass_time(shard.exchange, now_us))

    def handle(self, message: CommandMessage) -> None:
        """Decide one command; whatever it is, it has an outcome."""
        self.outcomes.setdefault(message.reply_to, []).append(self._outcome(message.command))

    def _outcome(self, command: AnyCommand) -> Outcome:
        try:
            before = self._before(command)
            if before is not None:
                return outcome(self.shard.exchange, command, before, replayed=True)
            events = self._decide(command)
        except RefusedError as refusal:
            return refused(command, refusal)
        events = make_so(self.shard.exchange, events, command.command_id, self.now_us)
        self._gather(Cause(command.actor, command.command_id, command.correlation_id), events)
        if stream := created_id(command):
            self._caused |= dict.fromkeys((stream, *leg_ids(command)), events)
        return outcome(self.shard.exchange, command, events, replayed=False)

    def _decide(self, command: AnyCommand) -> list[Event]:
        """A defect in deciding one command must not stop all others: nothing has changed yet, so it is
        refused, loudly.
        """
        try:
            return decide(self.shard.exchange, command, self.now_us)
        except RefusedError:
            raise
        except Exception as error:
            logger.exception("could not decide %s", command)
            raise RefusedError(
                "internal_error", f"{type(error).__name__} in command {command.command_id}"
            ) from error

    def _before(self, command: AnyCommand) -> Sequence[Event] | None:
        """Return the events of the first command with this id, if there was one; if it asked for something
        else, refuse this one.
        """
        if isinstance(command, CancelOrder):
            return self._cancelled_before(command)
        if isinstance(command, CancelOrderList):
            return self._list_cancelled_before(command)
        stream = created_id(command)
        if stream is None:
            return None
        events = self._first_events(stream)
        if events is None:
            self._check_legs_are_new(command)
            return None
        for leg in leg_ids(command):
            events = [*events, *self._of_leg(leg, events)]
        first = self._first_of(stream, events)
        if not same_content(self.shard.exchange, command, first):
            raise RefusedError("id_reused", f"{stream} stands for {first}")
        return events

    def _first_events(self, stream: str) -> Sequence[Event] | None:
        """Return all events, or those of the stream, that the command caused which began it."""
        events = self._caused.get(stream)
        if events is None and stream in self._earlier:
            return _first_caused(self._earlier[stream])
        return events

    def _of_leg(self, leg: str, events: Sequence[Event]) -> Sequence[Event]:
        """Return the leg's own first events, unless ``events`` has them: in the store it has a stream of its
        own.
        """
        known = any(getattr(event, "order_id", None) == leg for event in events)
        return () if known else self._first_events(leg) or ()

    def _check_legs_are_new(self, command: AnyCommand) -> None:
        for leg in leg_ids(command):
            if self._first_events(leg) is not None:
                raise RefusedError("id_reused", f"leg {leg} of the list is an order already")

    def _first_of(self, stream: str, events: Sequence[Event]) -> Event:
        """Return the event that began the stream: a replacement's comes after those of the order it ends."""
        own = (event for event in events if not isinstance(event, Posting))
        return next(event for event in own if self.shard.stream_of(event) == stream)  # type: ignore[arg-type] # every other event is stored

    def _cancelled_before(self, command: CancelOrder) -> Sequence[Event] | None:
        """A cancel whose answer was lost may be sent again: the order was cancelled, as it asked."""
        return [
            recorded.event
            for recorded in self._earlier.get(command.order_id, ())
            if isinstance(recorded.event, OrderCancelled)
            and recorded.event.account == command.account
            and recorded.event.reason == "requested"
        ] or None

    def _list_cancelled_before(self, command: CancelOrderList) -> Sequence[Event] | None:
        """The same for a whole list."""
        return [
            recorded.event
            for recorded in self._earlier.get(command.list_id, ())
            if isinstance(recorded.event, OrderListEnded)
            and recorded.event.account == command.account
            and recorded.event.reason == "requested"
        ] or None

    def _gather(self, cause: Cause, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Posting):
                self._postings.setdefault(event.account, []).append(event)
            else:
                self._events.append((event, cause))  # type: ignore[arg-type] # every other event is stored

    def close(self) -> list[Placed]:
        """Return all events in their final order, numbered and encoded."""
        return [self._placed(event, cause) for event, cause in (*self._events, *self._grouped())]

    def _grouped(self) -> Iterator[tuple[AccountPosted, Cause]]:
        for account, postings in self._postings.items():
            for start in range(0, len(postings), POSTINGS_PER_EVENT_MAX):
                some = postings[start : start + POSTINGS_PER_EVENT_MAX]
                yield AccountPosted(account, tuple(some)), _GROUPED

    def _placed(self, event: StoredEventType, cause: Cause) -> Placed:
        shard = self.shard
        stream = shard.stream_of(event)
        version = shard.next_version(stream, event)
        seq = shard.last_seq + 1
        recorded = RecordedEvent(
            seq,
            f"{shard.number}-{seq}",
            stream,
            version,
            self.now_us,
            cause.actor,
            cause.causation_id,
            event,
            cause.correlation_id,
        )
        place = shard.remember(seq, stream, event)
        return Placed(StoredEvent(stream, version, event_type(event), encode(recorded)), seq, place)


def _first_caused(recorded: Sequence[RecordedEvent]) -> list[Event]:
    """Return those events of a stream that the command which began it caused."""
    cause = recorded[0].causation_id
    return [event.event for event in recorded if event.causation_id == cause]
