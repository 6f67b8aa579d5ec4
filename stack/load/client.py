"""A trader's client of the command API: patient, so that a restart in the middle loses and doubles nothing.

Ids make it safe to be patient: an order's id follows from its client order id, so sending it again either
places it or brings the first outcome again.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any, Self

import msgspec

from api.client.async_client import AsyncClient
from api.client.calls import UNDER_WAY, Answer, Call, Method, path_of
from api.client.errors import ClientError, NoAnswerError, ProblemError
from api.client.types import BookView
from domain.event import Side
from stack.load import bounds

REFUSALS = {400, 404, 409, 422}
NOT_NOW = {202, 429, 500, 502, 503, 504}
SHED = {"overloaded", "rate_limited", "too_many_in_flight", "unavailable"}
"""Of one command among many: it was not taken now, and may be sent again."""


class LoadError(RuntimeError):
    """The API could not be used as intended; the text says why, and what to do."""


class NotNowError(Exception):
    """No final outcome yet: try again after ``after_s``. ``reached``: the request may have got there."""

    def __init__(self, why: str, after_s: float = 0.0, *, reached: bool = True) -> None:
        super().__init__(why)
        self.after_s = after_s
        self.reached = reached


class OutcomeFill(msgspec.Struct, frozen=True, gc=False):
    """A trade the command made for its own order; decimal strings."""

    trade_id: int
    price: str
    quantity: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command; the API's answer, or its problem document."""

    status: str = "refused"
    order_id: str = ""
    code: str | None = None
    detail: str | None = None
    fills: tuple[OutcomeFill, ...] = ()
    replayed: bool = False
    token: str | None = None


class _BatchOutcome(msgspec.Struct):
    outcomes: list[Outcome]
    token: str = ""


class Place(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="op", tag="place"):
    """An order as the API takes it, and as one command of a batch."""

    account: str
    client_order_id: str
    symbol: str
    side: Side
    type: str
    quantity: str
    price: str | None = None
    time_in_force: str = "gtc"


class Cancel(msgspec.Struct, frozen=True, tag_field="op", tag="cancel"):
    """A cancel as one command of a batch."""

    account: str
    order_id: str


Command = Place | Cancel

_outcome = msgspec.json.Decoder(Outcome)
_batch_outcome = msgspec.json.Decoder(_BatchOutcome)


class CommandClient:
    """Sends commands to the API at ``url``. Use it as an async context manager."""

    def __init__(self, url: str, query_url: str, token: str, retry_s_max: float = bounds.RETRY_S_MAX) -> None:
        self.url = url
        self.query_url = query_url
        self.retry_s_max = retry_s_max
        self.retries = 0
        self.api = AsyncClient(url, query_url, token, read_your_writes=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.aclose()

    async def place(self, order: Place) -> Outcome:
        """Place one order. Its status is ``pending`` only if no outcome came within ``retry_s_max``."""
        fields = msgspec.to_builtins(order)
        del fields["op"]  # which only the commands of a batch have
        return await self._order("POST", "/v1/orders", msgspec.json.encode(fields))

    async def cancel(self, account: str, order_id: str) -> Outcome:
        """Cancel one order. One that was cancelled by a request whose answer was lost is ``refused``."""
        return await self._order("DELETE", f"/v1/orders/{order_id}?account={account}", None)

    async def batch(self, commands: Sequence[Command]) -> tuple[list[Outcome], str]:
        """Carry out commands in order. Return an outcome for each, and the token of the last answer.

        Those that were left pending are sent again; what is still pending after ``retry_s_max`` stays so.
        """
        outcomes = [Outcome("pending")] * len(commands)
        deadline, tries, token = monotonic() + self.retry_s_max, 0, ""
        while open_ones := [index for index, outcome in enumerate(outcomes) if outcome.status == "pending"]:
            wait_s = 0.0
            try:
                answers, its_token = await self.batch_once([commands[index] for index in open_ones])
                token = its_token or token
                for index, outcome in zip(open_ones, answers, strict=True):
                    outcomes[index] = outcome
            except NotNowError as later:
                wait_s = later.after_s
            if any(outcome.status == "pending" for outcome in outcomes):
                tries += 1
                if not await self._wait(tries, wait_s, deadline):
                    break
        return outcomes, token

    async def batch_once(self, commands: Sequence[Command]) -> tuple[list[Outcome], str]:
        """Try once. Raises ``NotNowError``, ``LoadError``."""
        body = msgspec.json.encode({"commands": commands})
        answer = _batch_outcome.decode(await self._send("POST", "/v1/orders/batch", body))
        return [_unless_shed(outcome) for outcome in answer.outcomes], answer.token

    async def administer(self, path: str, body: dict[str, Any]) -> bytes:
        """List a market, open an account, deposit. Return the answer. Raises ``LoadError`` if refused."""
        deadline, tries = monotonic() + self.retry_s_max, 0
        while True:
            try:
                return await self._send("POST", path, msgspec.json.encode(body))
            except NotNowError as later:
                tries += 1
                if not await self._wait(tries, later.after_s, deadline):
                    raise LoadError(f"{path} gave no answer in {self.retry_s_max:.0f} s: {later}") from None

    async def visible(self, order_id: str, token: str) -> bool:
        """Wait until the query API shows the order as of ``token``; false if it does not in time."""
        call = Call("query", "GET", f"/v1/orders/{order_id}", Answer, params=(("after", token),))
        deadline = monotonic() + bounds.VISIBLE_S_MAX
        while monotonic() < deadline:
            try:
                await self.api.attempt(call)
            except ClientError:
                await asyncio.sleep(bounds.BACKOFF_FIRST_S)
            else:
                return True
        return False

    async def read(self, path: str) -> bytes | None:
        """Return what the query API answers; ``None`` if it does not, or not well."""
        try:
            return (await self.api.attempt(Call("query", "GET", path, Answer))).body
        except ClientError:
            return None

    async def best(self, symbol: str) -> tuple[str, str] | None:
        """Return the best bid and ask that the query API shows; "-" where there is none, ``None`` if it does
        not answer.
        """
        try:
            book = await self.api.attempt(
                Call("query", "GET", path_of("markets", symbol, "book"), BookView, params=(("depth", "1"),))
            )
        except ClientError:
            return None
        bids, asks = ([f"{level.price:f}" for level in side] for side in (book.bids, book.asks))
        return (bids[0] if bids else "-", asks[0] if asks else "-")

    async def _order(self, method: Method, path: str, body: bytes | None) -> Outcome:
        deadline, tries = monotonic() + self.retry_s_max, 0
        while True:
            try:
                outcome = _outcome.decode(await self._send(method, path, body))
                if outcome.status != "pending":
                    return outcome
                wait_s = 0.0
            except RefusedByApiError as refusal:
                return refusal.outcome
            except NotNowError as later:
                wait_s = later.after_s
            tries += 1
            if not await self._wait(tries, wait_s, deadline):
                return Outcome("pending")

    async def _wait(self, tries: int, asked_s: float, deadline: float) -> bool:
        """Back off before the next try; false if there is no time left for one."""
        self.retries += 1
        backoff_s = min(bounds.BACKOFF_FIRST_S * 2 ** min(tries - 1, 10), bounds.BACKOFF_S_MAX)
        wait_s = max(asked_s, backoff_s)
        if monotonic() + wait_s > deadline:
            return False
        await asyncio.sleep(wait_s)
        return True

    async def _send(self, method: Method, path: str, body: bytes | None) -> bytes:
        """Return the answer's body. Raises ``NotNowError``, ``RefusedByApiError``, ``LoadError``."""
        try:
            answer = await self.api.attempt(Call("command", method, path, Answer, body))
        except NoAnswerError as error:
            raise NotNowError(str(error), reached=error.sent) from None
        except ProblemError as problem:
            raise _without_success(method, path, problem) from None
        except ClientError as error:
            raise LoadError(f"{method} {path}: {error}") from None
        if answer.status in NOT_NOW:
            raise NotNowError(f"status {answer.status}")
        return answer.body


class RefusedByApiError(LoadError):
    """The command was rejected or refused for good, and this is why."""

    def __init__(self, path: str, outcome: Outcome) -> None:
        super().__init__(f"{path}: {outcome.code}: {outcome.detail}")
        self.outcome = outcome


def _unless_shed(outcome: Outcome) -> Outcome:
    return Outcome("pending") if outcome.code in SHED else outcome


def _without_success(method: Method, path: str, problem: ProblemError) -> Exception:
    if problem.status in NOT_NOW:
        return NotNowError(f"status {problem.status}", problem.retry_after_s or 0.0)
    if problem.status not in REFUSALS:
        return LoadError(f"{method} {path} answered {problem.status}: {problem}")
    if problem.code in UNDER_WAY:
        return NotNowError(problem.code)
    # A rejected order is on record and has an id; the content of anything else refused leaves no trace.
    rejected = problem.status == 422 and problem.order_id and problem.code != "id_reused"
    status = "rejected" if rejected else "refused"
    return RefusedByApiError(path, Outcome(status, problem.order_id, problem.code, problem.detail))
