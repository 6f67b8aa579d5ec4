"""Sends calls, synchronous: again where that is safe, in bounded time.

Written by docs/client_source.py from async_sending.py: do not edit.
"""

import time
from collections.abc import Callable
from time import monotonic
from typing import Any, Self, TypeVar

import msgspec

from api.client.amounts import encoded
from api.client.calls import (
    UNDER_WAY,
    UNTOUCHED,
    Answer,
    Auth,
    Call,
    Request,
    RetryPolicy,
    bearer,
    retry_after_s,
)
from api.client.errors import ClientError, NoAnswerError, ProblemError, UnexpectedAnswerError, error_of
from api.client.tokens import READ_AFTER, ReadAfter
from api.client.transport import Transport

T = TypeVar("T")
ACCEPTED, SUCCESSES_END = 202, 300


class Sender:
    """``command_url`` and ``query_url``: where the APIs are, such as ``http://127.0.0.1:8001``.

    ``auth``: a bearer token, or what is shown each request and returns the headers to sign it with.
    ``read_your_writes``: queries wait, in bounded time, for what this client wrote before.
    ``retries``: how often something was sent again so far.
    """

    def __init__(
        self,
        command_url: str,
        query_url: str,
        auth: str | Auth,
        *,
        policy: RetryPolicy | None = None,
        read_your_writes: bool = True,
    ) -> None:
        self.urls = {"command": command_url.rstrip("/"), "query": query_url.rstrip("/")}
        self.auth = bearer(auth) if isinstance(auth, str) else auth
        self.policy = policy or RetryPolicy()
        self.read_your_writes = read_your_writes
        self.read_after = ReadAfter()
        self.retries = 0
        self._transport = Transport()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def send(self, call: Call[T]) -> T:
        """Return the answer to ``call``.

        What may be sent again is, until the policy's patience ends; a command that is not decided by then is
        returned as ``pending``. Raises ``ProblemError``, ``NoAnswerError``, ``UnexpectedAnswerError``.
        """
        body = b"" if call.body is None else encoded(call.body)
        deadline, tries = monotonic() + self.policy.patience_s, 0
        while True:
            tries += 1
            found = self._once(call, body)
            wait_s = self.policy.wait_s(tries, getattr(found, "retry_after_s", None))
            late = monotonic() + wait_s > deadline or tries >= self.policy.tries_max
            if late or not self._may_repeat(call, found):
                return self._final(call, found)
            self.retries += 1
            time.sleep(wait_s)

    def attempt(self, call: Call[T]) -> T:
        """Try once, and return the answer, or raise why there is none: as ``send`` does in the end."""
        return self._final(call, self._once(call, b"" if call.body is None else encoded(call.body)))

    def _once(self, call: Call[Any], body: bytes) -> Answer | ClientError:
        """Try once. Return the answer, or why there is none."""
        try:
            answer = self._transport.exchange(self._request(call, body))
        except NoAnswerError as lost:
            return lost
        if answer.status < SUCCESSES_END:
            return answer
        failure = error_of(answer.status, answer.body, retry_after_s(answer.headers))
        if isinstance(failure, ProblemError):
            self._note(str(failure.extra.get("token") or ""))
        return failure

    def _request(self, call: Call[Any], body: bytes) -> Request:
        headers = {"Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        if call.service == "query" and self.read_your_writes and self.read_after.token:
            headers[READ_AFTER] = self.read_after.token
        request = Request(call.method, self.urls[call.service] + call.target, headers, body)
        headers.update(self.auth(request))
        return request

    def _may_repeat(self, call: Call[Any], found: Answer | ClientError) -> bool:
        """Whether it is not settled, and may be sent again."""
        if isinstance(found, Answer):
            return found.status == ACCEPTED and call.repeatable
        if isinstance(found, NoAnswerError):
            return call.repeatable or not found.sent
        if not isinstance(found, ProblemError):
            return False
        if found.code in UNTOUCHED:
            return True
        return call.repeatable and (found.status in self.policy.statuses or found.code in UNDER_WAY)

    def _final(self, call: Call[T], found: Answer | ClientError) -> T:
        if isinstance(found, ClientError):
            raise found
        return self._read(call, found)

    def _read(self, call: Call[T], answer: Answer) -> T:
        if isinstance(answer, call.kind):  # the caller asked for it unread
            return answer
        try:
            found = decoder_of(call.kind)(answer.body)
        except msgspec.DecodeError as error:
            told = f"{call.method} {call.path} answered what is no {call.kind.__name__}: {error}"
            raise UnexpectedAnswerError(told) from None
        if call.service == "command":
            self._note(getattr(found, "token", ""))
        return found

    def _note(self, token: str) -> None:
        if self.read_your_writes:
            self.read_after.note(token)


_decoders: dict[Any, Callable[[bytes], Any]] = {}


def decoder_of(kind: type[T]) -> Callable[[bytes], T]:
    """Return what reads JSON as ``kind``; made once, as that is dear."""
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind).decode
    return _decoders[kind]
