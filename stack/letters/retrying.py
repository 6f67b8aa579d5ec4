"""Giving a dead letter back to whoever could not process it, to the same effect however often it is done.

A command goes to its partition of `orders` again: its ids make it happen once. One without such an id, which
acts on whatever is there when it is decided (a mass cancel, a status), is given back once, and only by name.
A slice goes to its partition again: what was seen of it is skipped. Of an event that could not be read or
folded the documents are built anew from the store, by the worker that owns them.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from commands.messages import AnyCommand, CommandBatch, Outcome
from commands.reading import read_record
from domain.account import Deposit, OpenAccount
from domain.market import ListMarket
from domain.order import CancelOrder, CancelReplace, PlaceOrder
from domain.order_list import CancelOrderList, PlaceOrderList
from domain.trade import BustTrade
from domain.transfer import (
    AdjustBalance,
    CancelWithdrawal,
    CompleteWithdrawal,
    RequestWithdrawal,
    TransferFunds,
)
from projections.projection import At, Projection
from projections.registry import PROJECTIONS
from stack.letters.answers import Answers
from streams.codec import UNREADABLE, StoredEventType, decode_recorded, decode_slice, encode
from streams.letters import Letter
from streams.publisher import make_producer
from streams.repairs import DOCUMENTS_MAX, RebuildDocuments
from streams.sources import SOURCES
from streams.topics import ACCOUNTS, ORDERS, TopicPartition, destination

DELIVERY_S_MAX = 30.0
ONCE = (
    PlaceOrder
    | CancelReplace
    | CancelOrder
    | PlaceOrderList
    | CancelOrderList
    | OpenAccount
    | Deposit
    | RequestWithdrawal
    | CompleteWithdrawal
    | CancelWithdrawal
    | TransferFunds
    | AdjustBalance
    | ListMarket
    | BustTrade
)
"""Commands that happen once for ever, by the id of what they create, or of what they end."""


class NotRetriedError(RuntimeError):
    """The letter cannot be given back; the text says why, and what to do."""


class Documents(NamedTuple):
    """Documents of one projection that an event touches; ``place``: where their worker hears of it. ``key``:
    the account or symbol that all of their events name, "" if there is none.
    """

    place: TopicPartition
    projection: str
    shard: int
    key: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class RetryConfig:
    """``partitions``: of each of the topics of events."""

    kafka_bootstrap: str
    redis_url: str
    partitions: int


class Retrying:
    """Gives letters back. Raises ``NotRetriedError`` for one that cannot be, ``KafkaException`` where Kafka
    does not take it: then it stays open.
    """

    def __init__(self, config: RetryConfig) -> None:
        self._config = config
        self._producer: Producer = make_producer(config.kafka_bootstrap, "letters")
        self._failure: KafkaError | None = None
        self._rebuilds: dict[tuple[TopicPartition, str, int, str], dict[str, None]] = {}

    def retry(self, letter: Letter, *, meant: bool) -> str:
        """Give one letter back, and return in words what came of it. Of an event that takes effect with
        ``send_rebuilds``: many may touch the same documents, which are built once. ``meant``: it was asked
        for by name, and was not retried before.
        """
        if letter.kind == "commands":
            return self._commands(letter, meant=meant)
        if letter.kind == "slice":
            return self._slice(letter)
        return self._event(letter)

    def send_rebuilds(self) -> None:
        """Have the documents built anew that were asked for since the last call."""
        for (place, projection, shard, key), ids in self._rebuilds.items():
            for some in _chunks(list(ids), DOCUMENTS_MAX):
                self._send(place, encode(RebuildDocuments(projection, shard, tuple(some), key)))
        self._rebuilds = {}

    # --- Commands -----------------------------------------------------------------------------------------

    def _commands(self, letter: Letter, *, meant: bool) -> str:
        commands = readable_commands(letter, time.time_ns() // 1_000)
        if not meant:
            _check_once(letter, commands)
        with Answers(self._config.redis_url, f"replies:letters-{uuid4().hex}") as answers:
            value = encode(CommandBatch(tuple(commands), answers.channel))
            self._send(TopicPartition(ORDERS, _number(letter, "partition")), value)
            outcomes = answers.wait_for([command.command_id for command in commands])
        return "; ".join(_told(command, outcomes.get(command.command_id)) for command in commands)

    # --- Events -------------------------------------------------------------------------------------------

    def _slice(self, letter: Letter) -> str:
        try:
            piece = decode_slice(letter.value)
        except UNREADABLE as error:
            raise NotRetriedError(
                f"it is still no slice of events ({error}); what it should have carried is read from the "
                f"event store as soon as the next slice comes: {_close(letter)}"
            ) from None
        place = TopicPartition(letter.found["topic"], _number(letter, "partition"))
        self._send(place, letter.value)
        return f"events {piece.first} to {piece.last} of shard {piece.shard} went to {place.topic} again"

    def _event(self, letter: Letter) -> str:
        touched = list(documents_of(letter, self._config.partitions))
        for each in touched:
            self._rebuilds.setdefault(each[:4], {}).update(dict.fromkeys(each.ids))
        named = ", ".join(f"{each.projection} {' '.join(each.ids)}" for each in touched)
        return f"to be built anew: {named}" if named else "no projection takes such an event in any more"

    # --- Kafka --------------------------------------------------------------------------------------------

    def _send(self, place: TopicPartition, value: bytes) -> None:
        """Produce, and wait until Kafka has it."""
        self._failure = None
        self._producer.produce(place.topic, value, partition=place.partition, on_delivery=self._delivered)
        if self._producer.flush(DELIVERY_S_MAX):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - the library's name for it
        if self._failure is not None:
            raise KafkaException(self._failure)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._failure = error


def readable_commands(letter: Letter, now_us: int) -> Sequence[AnyCommand]:
    """Return what the letter asks for. Raises ``NotRetriedError`` if it cannot be read still, or is over."""
    whole = "number" not in letter.found
    read = read_record(letter.value if whole else b'{"commands":[%s],"reply_to":""}' % letter.value)
    if read.unread or not read.commands:
        reason = read.unread[0].reason if read.unread else "there is no command in it"
        raise NotRetriedError(
            f"this release cannot read it either: {reason}. Install one that can, or {_close(letter)}"
        )
    commands = [message.command for message in read.commands]
    for command in commands:
        until_us = command.valid_until_us
        if until_us is not None and until_us < now_us:
            raise NotRetriedError(
                f"command {command.command_id} was valid until {(now_us - until_us) // 1_000_000} s ago: its "
                f"sender was refused and has gone on without it: {_close(letter)}"
            )
    return commands


def _check_once(letter: Letter, commands: Sequence[AnyCommand]) -> None:
    """Raise ``NotRetriedError`` if sending a command late, or twice, could undo what was done since."""
    for command in commands:
        if not isinstance(command, ONCE):
            raise NotRetriedError(
                f"{type(command).__name__} acts on whatever is there when it is decided, and may undo what "
                f"was done since. If it is still wanted, and was not retried before: "
                f"./oms projections letters retry {letter.letter_id}; else: {_close(letter)}"
            )


def _close(letter: Letter) -> str:
    return f"./oms projections letters close {letter.letter_id}"


def documents_of(letter: Letter, partitions: int) -> Iterator[Documents]:
    """Yield which documents the letter's event touches, by projection. Raises ``NotRetriedError``."""
    event, at = _event_of(letter)
    place = destination(event, partitions)
    for projection in _projections_of(letter, event, place.topic):
        try:
            ids = tuple(document_id for document_id, _ in projection.split(event, at))
        except Exception as error:
            raise NotRetriedError(
                f"{projection.name} cannot say which documents it touches ({error!r}): "
                f"./oms projections rebuild {projection.name}"
            ) from error
        if ids:
            yield Documents(place, projection.name, at.shard, _key_of(event, place.topic), ids)


def _event_of(letter: Letter) -> tuple[StoredEventType, At]:
    shard = _number(letter, "shard")
    stored = letter.kind == "event"
    try:
        recorded = decode_recorded(letter.value if stored else _as_recorded(letter.value))
    except UNREADABLE as error:
        raise NotRetriedError(f"this release cannot read the event either: {error}") from None
    seq = recorded.seq if stored else _number(letter, "seq")
    return recorded.event, At(shard, seq, recorded.occurred_at_us, recorded.actor)


def _as_recorded(event: bytes) -> bytes:
    """Return the event as a stored one, so that it is upcast like those."""
    names = dict.fromkeys(("event_id", "stream", "actor", "causation_id"), "")
    numbers = dict.fromkeys(("seq", "version", "occurred_at_us"), 0)
    return encode({**names, **numbers, "event": msgspec.Raw(event)})


def _projections_of(letter: Letter, event: StoredEventType, topic: str) -> Iterable[Projection]:
    if letter.kind == "fold":
        name = letter.found["projection"]
        if name not in PROJECTIONS:
            raise NotRetriedError(f"there is no projection {name} any more: close it")
        return [PROJECTIONS[name]]
    return [
        each
        for each in PROJECTIONS.values()
        if SOURCES[each.name] == topic and type(event) in each.event_types
    ]


def _key_of(event: StoredEventType, topic: str) -> str:
    """Return the account or symbol that everything of these documents names; "": there is no such."""
    named: Any = event  # which names it has follows from its type
    if topic == ACCOUNTS:
        return str(named.account)
    rules = getattr(named, "rules", None)
    return str(getattr(named, "symbol", "") if rules is None else rules.symbol)


def _number(letter: Letter, name: str) -> int:
    text = letter.found.get(name, "")
    if not text.isdecimal():
        raise NotRetriedError(f"it does not say of which {name} it is ({text!r}): close it")
    return int(text)


def _told(command: AnyCommand, outcome: Outcome | None) -> str:
    kind = type(command).__name__
    if outcome is None:
        return f"{kind} {command.command_id} was sent; no answer yet"
    more = f" ({outcome.code}: {outcome.detail})" if outcome.code else ""
    before = ", as it had been before" if outcome.replayed else ""
    return f"{kind} {command.command_id}: {outcome.status}{before}{more}"


def _chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
