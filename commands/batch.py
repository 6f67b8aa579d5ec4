"""A batch: the commands that share one commit, decided one after the other.

All postings to one account become one stored event (several where they are very many); nothing else depends
on which commands happened to come together.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from commands.errands import NAMES_A_SHARD, check_shards
from commands.messages import AnyCommand, CommandMessage, Outcome
from commands.outcome import outcome, refused, same_content
from commands.shard import Shard
from domain.account import AccountPosted, Deposit, Posting
from domain.busting import on_record
from domain.event import Command, Event
from domain.exchange import Exchange, decide, make_so, pass_time
from domain.ids import SHARDS_MAX, arrival_stream
from domain.order import CancelOrder, CancelReplace, OrderCancelled, PlaceOrder
from domain.order_list import CancelOrderList, OrderListEnded, PlaceOrderList
from domain.rejections import RefusedError
from domain.shard_transfer import ReceiveFunds, SendFunds
from domain.trade import BustTrade, CorrectTrade
from domain.transfer import (
    AdjustBalance,
    CancelWithdrawal,
    CompleteWithdrawal,
    RequestWithdrawal,
    TransferFunds,
    WithdrawalCancelled,
    WithdrawalCompleted,
)
from streams.codec import OrderEvent, RecordedEvent, StoredEventType, encode, event_type
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


# What ends a withdrawal, and may come again when its answer was lost.
Settlement = CompleteWithdrawal | CancelWithdrawal
Settled = WithdrawalCompleted | WithdrawalCancelled


class Placed(NamedTuple):
    """An event as it will be stored (the first four: as ``eventsourcing`` names them), and where it is to be
    published.
    """

    originator_id: str
    originator_version: int
    topic: str
    state: bytes
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
    if isinstance(command, Deposit | RequestWithdrawal | TransferFunds | AdjustBalance | SendFunds):
        return command.transfer_id
    if isinstance(command, ReceiveFunds):
        return arrival_stream(command.to_shard, command.transfer_id)
    return None


def asked_before(exchange: Exchange, command: AnyCommand) -> Sequence[str]:
    """Return the ids of the streams whose history may hold the answer to ``command`` already."""
    if isinstance(command, CancelOrder) and command.order_id not in exchange.orders:
        return (command.order_id,)
    if isinstance(command, CancelOrderList) and command.list_id not in exchange.lists:
        return (command.list_id,)
    if isinstance(command, Settlement) and command.transfer_id not in exchange.withdrawals:
        return (command.transfer_id,)
    stream = created_id(command)
    return () if stream is None else (stream, *leg_ids(command))


def leg_ids(command: AnyCommand) -> tuple[str, ...]:
    """Return the ids of the other streams that begin with the one that ``command`` creates."""
    return tuple(leg.order_id for leg in command.legs) if isinstance(command, PlaceOrderList) else ()


class Batch:
    """Decides commands against a shard, at one time, and gathers what is to be stored and answered.

    ``earlier`` has the events of each id among the commands that was used in an earlier batch; before further
    commands join, ``learn`` is told those of theirs. ``replayed``: a command was answered from there.
    ``stored`` reads those of any order there ever was, for the few commands that speak of its trades.
    ``arrived_before``: what an earlier batch said to funds of another shard that have come again.
    ``shards``: how many there are.
    """

    def __init__(
        self,
        shard: Shard,
        now_us: int,
        earlier: Mapping[str, Sequence[RecordedEvent]],
        stored: Callable[[str], Sequence[RecordedEvent]] = lambda _: (),
        shards: int = SHARDS_MAX,
    ) -> None:
        self.shard = shard
        self.shards = shards
        self.arrived_before: list[RecordedEvent] = []
        self.now_us = now_us
        self.outcomes: dict[str, list[Outcome]] = {}
        self.commands = 0
        self.replayed = False
        self._earlier = dict(earlier)
        self._stored = stored
        self._events: list[tuple[StoredEventType, Cause]] = []
        self._postings: dict[str, list[Posting]] = {}
        self._caused: dict[str, list[Event]] = {}
        self._cancelled: dict[str, OrderCancelled] = {}
        self._lists_ended: dict[str, OrderListEnded] = {}
        self._settled: dict[str, list[Event]] = {}
        self._gather(_CLOCK, pass_time(shard.exchange, now_us))

    @property
    def events(self) -> int:
        """How many events there are so far, those that will be grouped not counted."""
        return len(self._events)

    def began(self, stream: str) -> bool:
        """Tell whether ``stream`` began in this batch: then no earlier one knows of it."""
        return stream in self._caused

    def learn(self, earlier: Mapping[str, Sequence[RecordedEvent]]) -> None:
        self._earlier.update(earlier)

    def handle(self, message: CommandMessage) -> None:
        """Decide one command; whatever it is, it has an outcome."""
        self.commands += 1
        self.outcomes.setdefault(message.reply_to, []).append(self._outcome(message.command))

    def answer(self, reply_to: str, answer: Outcome) -> None:
        """Answer with the batch what it need not decide."""
        self.outcomes.setdefault(reply_to, []).append(answer)

    def _outcome(self, command: AnyCommand) -> Outcome:
        try:
            if type(command) in NAMES_A_SHARD:
                check_shards(command, self.shard.number, self.shards)
            before = self._before(command)
            if before is not None:
                self.replayed = True
                self._note_arrival(command)
                return outcome(self.shard.exchange, command, before, replayed=True)
            events = self._decide(self._with_records(command))
        except RefusedError as refusal:
            return refused(command, refusal)
        events = make_so(self.shard.exchange, events, command.command_id, self.now_us)
        self._gather(Cause(command.actor, command.command_id, command.correlation_id), events)
        if stream := created_id(command):
            self._caused[stream] = events
            for leg in leg_ids(command):
                self._caused[leg] = events
        if isinstance(command, Settlement):
            self._settled[command.transfer_id] = events
        return outcome(self.shard.exchange, command, events, replayed=False)

    def _note_arrival(self, command: AnyCommand) -> None:
        """What this batch itself decides is told when it is committed."""
        if isinstance(command, ReceiveFunds):
            stream = arrival_stream(command.to_shard, command.transfer_id)
            self.arrived_before += self._earlier.get(stream, ())

    def _with_records(self, command: AnyCommand) -> Command:
        """Return what is to be decided: a wish about a trade comes with what is on record of it.

        Where the store cannot be read, that raises: it is no defect in the deciding of one command.
        """
        if isinstance(command, BustTrade | CorrectTrade):
            return on_record(command, self._history)
        return command

    def _history(self, order_id: str) -> list[Event]:
        """Return all events of an order: those of this batch are not in the store yet."""
        stored = (recorded.event for recorded in self._stored(order_id))
        own = (event for event, _ in self._events if isinstance(event, OrderEvent))
        return [*stored, *(event for event in own if event.order_id == order_id)]

    def _decide(self, command: Command) -> list[Event]:
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
        if isinstance(command, Settlement):
            return self._settled_before(command)
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
        here = self._cancelled.get(command.order_id)
        events = [recorded.event for recorded in self._earlier.get(command.order_id, ())]
        return [
            event
            for event in (events if here is None else [here])
            if isinstance(event, OrderCancelled)
            and event.account == command.account
            and event.reason == "requested"
        ] or None

    def _list_cancelled_before(self, command: CancelOrderList) -> Sequence[Event] | None:
        """The same for a whole list."""
        here = self._lists_ended.get(command.list_id)
        events = [recorded.event for recorded in self._earlier.get(command.list_id, ())]
        return [
            event
            for event in (events if here is None else [here])
            if isinstance(event, OrderListEnded)
            and event.account == command.account
            and event.reason == "requested"
        ] or None

    def _settled_before(self, command: Settlement) -> Sequence[Event] | None:
        """A withdrawal ends once: the same end again is answered as the first was; the same kind of end with
        another reference or reason is refused here, the other kind where it is decided.
        """
        earlier = [recorded.event for recorded in self._earlier.get(command.transfer_id, ())]
        for event in self._settled.get(command.transfer_id, earlier):
            if not isinstance(event, Settled) or event.account != command.account:
                continue
            if same_content(self.shard.exchange, command, event):
                return [event]
            if isinstance(command, CompleteWithdrawal) == isinstance(event, WithdrawalCompleted):
                raise RefusedError("id_reused", f"{command.transfer_id} ended with {event}")
        return None

    def _gather(self, cause: Cause, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Posting):
                self._postings.setdefault(event.account, []).append(event)
            else:
                self._events.append((event, cause))  # type: ignore[arg-type] # every other event is stored
                if isinstance(event, OrderCancelled):
                    self._cancelled[event.order_id] = event
                elif isinstance(event, OrderListEnded):
                    self._lists_ended[event.list_id] = event

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
        return Placed(stream, version, event_type(event), encode(recorded), seq, place)


def _first_caused(recorded: Sequence[RecordedEvent]) -> list[Event]:
    """Return those events of a stream that the command which began it caused."""
    cause = recorded[0].causation_id
    return [event.event for event in recorded if event.causation_id == cause]
