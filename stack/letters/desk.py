"""All that is done with dead letters, in one place: list them, find one, give it back, put it away."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

from pymongo import MongoClient

from projections.projection import Document
from stack.letters.marks import OPEN, Marks, State
from stack.letters.retrying import NotRetriedError, RetryConfig, Retrying
from stack.settings import Settings
from streams.letters import Letter, first_offsets, read_letter, read_letters

LETTERS_MAX = 10_000
"""Of each partition, the newest: what is older is still in Kafka, and too much to look at one by one."""
MONGO_ANSWER_MS_MAX = 5_000


class Listed(NamedTuple):
    """A letter, and what was done with it. ``repeats``: the same thing was put aside again so often, since a
    process that dies before it has noted how far it is does the last things again.
    """

    letter: Letter
    state: str
    mark: Document | None
    repeats: list[Letter]


@dataclass
class Done:
    """What came of giving letters back: by letter id, in words."""

    retried: dict[str, str] = field(default_factory=dict)
    not_retried: dict[str, str] = field(default_factory=dict)


class LetterDesk:
    """Raises ``KafkaException`` and ``PyMongoError`` where a server does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: MongoClient[Document] = MongoClient(
            settings.mongo_url,
            serverSelectionTimeoutMS=MONGO_ANSWER_MS_MAX,
            socketTimeoutMS=MONGO_ANSWER_MS_MAX,
        )
        self._marks = Marks(self._client[settings.mongo_database])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def listed(self) -> list[Listed]:
        """Return all letters, newest first, each thing that was put aside once for each state."""
        self._marks.forget_gone(first_offsets(self._settings.kafka_bootstrap))
        marks = self._marks.all()
        found: dict[tuple[object, ...], Listed] = {}
        for letter in read_letters(self._settings.kafka_bootstrap, LETTERS_MAX):
            mark = marks.get(letter.letter_id)
            state = OPEN if mark is None else str(mark["state"])
            same = (state, *_identity(letter))
            if same in found:
                found[same].repeats.append(letter)
            else:
                found[same] = Listed(letter, state, mark, [])
        return sorted(found.values(), key=lambda each: each.letter.put_aside_at_us, reverse=True)

    def find(self, letter_id: str) -> Listed | None:
        """Raises ``LetterIdError``."""
        letter = read_letter(self._settings.kafka_bootstrap, letter_id)
        if letter is None:
            return None
        mark = self._marks.all().get(letter_id)
        return Listed(letter, OPEN if mark is None else str(mark["state"]), mark, [])

    def open_ones(self) -> list[Listed]:
        """Return those to be done, oldest first: what came first is given back first."""
        return [each for each in reversed(self.listed()) if each.state == OPEN]

    def retry(self, letters: Iterable[Listed], *, by_name: bool) -> Done:
        """Give letters back. One that cannot be stays open, and the others are given back all the same.
        ``by_name``: whoever asks means this letter, not just all there are.
        """
        settings, done = self._settings, Done()
        config = RetryConfig(settings.kafka_bootstrap, settings.redis_url, settings.topic_partitions)
        retrying = Retrying(config)
        events: list[tuple[Listed, str]] = []
        for each in letters:
            name = each.letter.letter_id
            try:
                what = retrying.retry(each.letter, meant=by_name and each.state == OPEN)
            except NotRetriedError as error:
                done.not_retried[name] = str(error)
                continue
            done.retried[name] = what
            if each.letter.kind in {"event", "fold"}:
                events.append((each, what))
            else:
                self._note(each, "retried", what)
        retrying.send_rebuilds()
        for each, what in events:
            self._note(each, "retried", what)
        return done

    def _note(self, each: Listed, state: State, what: str) -> None:
        self._marks.note([each.letter, *each.repeats], state, what)

    def close(self, letters: Iterable[Listed], reason: str) -> list[str]:
        """Put letters away for good: nothing is to be done with them. Return their ids."""
        closed = list(letters)
        for each in closed:
            self._note(each, "closed", reason)
        return [each.letter.letter_id for each in closed]


def _identity(letter: Letter) -> tuple[Any, ...]:
    """Two letters of one identity are the same thing, put aside twice."""
    return (tuple(sorted(letter.found.items())), hashlib.sha256(letter.value).digest())
