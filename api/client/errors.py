"""What can go wrong, as exceptions. Each says what was wrong and what to do."""

from collections.abc import Mapping
from typing import Any

import msgspec

from api.client.bounds import DETAIL_CHARACTERS_MAX


class ClientError(Exception):
    """The APIs could not be used as intended."""


class NoAnswerError(ClientError):
    """The API did not answer. ``sent``: the request may have reached it, and may have had an effect."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


class UnexpectedAnswerError(ClientError):
    """What answered is not the API that this client is made for, or a proxy in between."""


class ProblemError(ClientError):
    """A problem document (RFC 9457). ``code`` is stable and for programs; ``detail`` says what was wrong,
    ``remedy`` what to do. ``extra``: what else the document has, such as ``shards``.
    """

    def __init__(self, status: int, document: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        told = {name: str(document.get(name) or "") for name in ("code", "title", "detail", "remedy")}
        text = f"{told['code']}: {told['detail'] or told['title']}"
        super().__init__(f"{text} {told['remedy']}".strip())
        self.status = status
        self.code, self.title = told["code"], told["title"]
        self.detail, self.remedy = told["detail"], told["remedy"]
        self.retry_after_s = retry_after_s
        self.extra = dict(document)

    @property
    def order_id(self) -> str:
        """The order that is on record as rejected, if there is one."""
        return str(self.extra.get("order_id") or "")

    @property
    def replayed(self) -> bool:
        """Whether this is the first outcome of a command sent before."""
        return bool(self.extra.get("replayed"))


class InvalidRequestError(ProblemError):
    """400, 405, 413: the request is not one the API takes."""


class NotAuthenticatedError(ProblemError):
    """401: no valid token or signature."""


class NotAllowedError(ProblemError):
    """403: a role or an account is missing."""


class NotFoundError(ProblemError):
    """404."""


class ConflictError(ProblemError):
    """409: it contradicts how things stand, such as a cancel of an order that is not open."""


class RejectedError(ProblemError):
    """422: the command was decided, and rejected or refused."""


class TooManyRequestsError(ProblemError):
    """429: slow down; ``retry_after_s`` says for how long."""


class UnavailableError(ProblemError):
    """5xx: not now."""


KINDS: dict[int, type[ProblemError]] = {
    400: InvalidRequestError,
    401: NotAuthenticatedError,
    403: NotAllowedError,
    404: NotFoundError,
    405: InvalidRequestError,
    409: ConflictError,
    413: InvalidRequestError,
    422: RejectedError,
    429: TooManyRequestsError,
}


def error_of(status: int, body: bytes, retry_after_s: float | None) -> ClientError:
    """Return the exception for an answer that is no success."""
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        shown = body.decode(errors="replace")[:DETAIL_CHARACTERS_MAX]
        if status < 500:
            return UnexpectedAnswerError(f"status {status} without a problem document: {shown}")
        document = {"code": "unavailable", "detail": f"status {status}: {shown}"}
    kind = KINDS.get(status, UnavailableError if status >= 500 else ProblemError)
    return kind(status, document, retry_after_s)
