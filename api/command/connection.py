"""One WebSocket connection: takes frames in, and gathers the replies to what it asked for.

It knows no socket: ``door`` hands it frames, and sends what it puts into its outbox.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from uuid import uuid4

from litestar.exceptions import NotAuthorizedException

from api.auth import Identity
from api.authentication.authenticator import Authenticator
from api.authentication.identity import Credential
from api.command import frames, metering
from api.command.bounds import WebSocketBounds
from api.command.credit import Credit
from api.command.directory import DEFAULT_SHARD
from api.command.fanout import copies
from api.command.gateway import NEEDS_CREDIT, Gateway, UnavailableError
from api.command.intake import Intake, Origin
from api.command.outbox import Outbox
from api.command.sessions import Sessions
from api.command.sorting import Asked, Frame, Sorting
from api.permissions import STOP, TRADE, in_scope
from api.problems import Problem
from api.rate_limits import RateLimits
from domain.control import SetAccountStatus
from domain.order import CancelReplace, PlaceOrder
from domain.order_list import PlaceOrderList

CloseReason = Literal[
    "not_authenticated", "idle", "slow_reader", "too_many_errors", "flood", "session_lost", "going_away"
]
CLOSE_CODES: dict[CloseReason, int] = {
    "going_away": 1001,
    "flood": 1009,
    "not_authenticated": 4401,
    "idle": 4408,
    "session_lost": 4410,
    "slow_reader": 4413,
    "too_many_errors": 4429,
}


@dataclass(frozen=True)
class Desk:
    """What all connections share."""

    gateway: Gateway
    intake: Intake
    sessions: Sessions
    authenticator: Authenticator
    bounds: WebSocketBounds
    limits: RateLimits | None = None


class Connection:
    """``session``: its id, which its orders carry while ``guarded``; they then end with it."""

    def __init__(self, desk: Desk, now: float, *, guarded: bool = False, address: str = "") -> None:
        self.outbox = Outbox(desk.bounds.send_bytes_max)
        self.session = uuid4().hex
        self.guarded = guarded
        self.accounts: dict[str, None] = {}
        self.shards: dict[int, None] = {}
        self.identity: Identity | None = None
        self._credential: Credential | None = None
        self.in_flight = 0
        self.closing: CloseReason | None = None
        self._desk = desk
        self._address = address
        self._opened = self._heard = now
        self._expires = 0.0
        self._warned = self._asked_for_life = False
        self._bad_frames = 0
        self._replies: list[frames.Reply] = []
        bounds = desk.bounds
        self._notice(
            frames.Notice(
                "welcome",
                self.session,
                bounds.items_max,
                bounds.frame_bytes_max,
                bounds.in_flight_max,
                bounds.idle_ms_max,
            )
        )

    # --- Who is there ------------------------------------------------------------------------------------

    def authenticate(self, token: str) -> None:
        """Begin, or go on, in the name of the token's subject. Raises ``Problem`` (401)."""
        try:
            credential = self._desk.authenticator.check_token(token)
        except NotAuthorizedException as error:
            raise _not_authenticated(error.detail) from None
        self.admit(credential)

    def admit(self, credential: Credential) -> None:
        """Begin, or go on, in the name of whoever was proved to be there. Raises ``Problem`` (401, 403)."""
        identity = credential.identity
        in_scope(identity, TRADE)
        if self.identity is not None and identity.subject != self.identity.subject:
            raise _not_authenticated(
                f"the token is {identity.subject}'s, this connection {self.identity.subject}'s"
            )
        self.identity, self._expires, self._warned = identity, credential.expires, False
        self._credential = credential

    @property
    def actor(self) -> str:
        return self.identity.subject if self.identity else ""

    def look_at_clock(self, now: float, epoch_s: float) -> None:
        """Ask for a sign of life, tell of the token's end, or close; about once a second.

        ``now``: of the clock given at the beginning; ``epoch_s``: seconds since 1970.
        """
        bounds = self._desk.bounds
        if self._credential is None:
            if now - self._opened > bounds.auth_ms_max / 1000:
                self.closing = "not_authenticated"
            return
        if epoch_s > self._expires + bounds.expiry_grace_ms / 1000 or self._was_revoked():
            self.closing = "not_authenticated"
            return
        if epoch_s > self._expires - bounds.expiry_notice_ms / 1000 and not self._warned:
            self._warned = True
            self._notice(frames.Notice("token_expires", expires_at=self._expires))
        silent_s = now - self._heard
        if silent_s > 2 * bounds.idle_ms_max / 1000:
            self.closing = "idle"
        elif silent_s > bounds.idle_ms_max / 1000 and not self._asked_for_life:
            self._asked_for_life = True
            self._notice(frames.Notice("ping"))

    def _was_revoked(self) -> bool:
        """Tell whether what let this connection in was revoked; that it expired has a grace of its own."""
        return self._credential is not None and self._desk.authenticator.is_over(self._credential, 0.0)

    # --- Frames in ---------------------------------------------------------------------------------------

    async def take(self, data: str | bytes, now: float) -> None:
        """Carry out a frame; whatever is wrong with it is told in a reply."""
        self._heard, self._asked_for_life = now, False
        bounds = self._desk.bounds
        try:
            items = frames.decode_frame(data, bounds.frame_bytes_max, bounds.items_max)
        except frames.BadFrameError as error:
            self._bad_frame(error, len(data))
        else:
            self._bad_frames = 0
            try:
                await metering.pay_for_frame(self._desk.limits, self.identity, self._address, items)
                await self._carry_out(items)
            except Problem as problem:
                self.reply(frames.refusal(None, problem.extra["code"], problem.detail))  # type: ignore[index,call-overload] # our problems have a dict there
        self.flush("")

    def _bad_frame(self, error: frames.BadFrameError, size: int) -> None:
        self.reply(frames.refusal(None, error.code, str(error)))
        self._bad_frames += 1
        if size > self._desk.bounds.flood_bytes_max:
            self.closing = "flood"
        elif self._bad_frames >= self._desk.bounds.bad_frames_max:
            self.closing = "too_many_errors"

    async def _carry_out(self, items: Sequence[frames.Item | frames.BadItem]) -> None:
        unplaced = await self._learn(items)
        for item in items:
            if isinstance(item, frames.AuthItem):
                await self._desk.authenticator.learn(item.token)
        sorting = Sorting(self)
        for item in items:
            try:
                if unplaced:
                    self._refuse_unplaced(item, unplaced)
                _HANDLERS[type(item)](self, item, sorting)
            except Problem as problem:
                self.reply(frames.refusal(item.id, problem.extra["code"], problem.detail))  # type: ignore[index,call-overload] # our problems have a dict there
        if sorting.frames:
            await self._note_accounts(sorting.frames)
        for frame in sorting.frames.values():
            self._submit(await metering.afforded(self._desk.limits, frame))

    async def _learn(self, items: Sequence[frames.Item | frames.BadItem]) -> str:
        """See to it that the shards of all markets in a frame are known; return why if they cannot be."""
        directory = self._desk.intake.directory
        if directory.several:
            try:
                await directory.learn({symbol for symbol in map(frames.symbol_of, items) if symbol})
            except UnavailableError as error:
                return str(error)
        return ""

    def _refuse_unplaced(self, item: frames.Item | frames.BadItem, why: str) -> None:
        """``why``: unknown markets cannot be looked for now. What names none, or a known one, goes on."""
        symbol = frames.symbol_of(item)
        if symbol and self._desk.intake.directory.home(symbol) is None:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", why)

    def _submit(self, frame: Frame) -> None:
        """Send the commands that there is credit for, in order; refuse the others."""
        sent = self._admitted(frame)
        if not sent.commands:
            return
        self.in_flight += len(sent.commands)
        logged = sent.logged if sent.wants_ack else None
        self._desk.gateway.submit(sent.commands, sent.shard, sent, logged)

    def _admitted(self, frame: Frame) -> Frame:
        credit = self._desk.gateway.credit(frame.shard)
        new = sum(type(command) in NEEDS_CREDIT for command in frame.commands)
        others = len(frame.commands) - new
        own_room = self._desk.bounds.in_flight_max - self.in_flight
        if new <= min(credit.room, own_room) and others <= credit.reserved_room:
            return frame
        admitted = Frame(self, frame.shard)
        room = {True: min(credit.room, own_room), False: credit.reserved_room}
        for index, (asked, command) in enumerate(zip(frame.asked, frame.commands, strict=True)):
            needs = type(command) in NEEDS_CREDIT
            if room[needs] > 0:
                room[needs] -= 1
                admitted.asked.append(asked)
                admitted.commands.append(command)
            elif asked.gathering is not None:
                frame.refused(
                    index, "overloaded", f"{credit.in_flight} commands wait for the order processor"
                )
            else:
                self.reply(self._shed(asked, credit, own=needs and own_room <= credit.room))
        return admitted

    def _shed(self, asked: Asked, credit: Credit, *, own: bool) -> frames.Reply:
        if own:
            most = self._desk.bounds.in_flight_max
            detail = f"{self.in_flight} commands of this connection have no outcome yet; {most} are the most"
            reply = frames.refusal(asked.id, "too_many_in_flight", detail)
        else:
            # No remedy beside it: these come by the thousand, and are not to be the next burden.
            detail = f"{credit.in_flight} commands wait for the order processor; {credit.limit} may"
            reply = frames.Reply(asked.id, "refused", code="overloaded", detail=detail)
            reply.retry_after_ms = credit.retry_after_ms
        reply.order_id, reply.client_order_id = asked.order_id, asked.client_order_id
        return reply

    # --- Replies out -------------------------------------------------------------------------------------

    def reply(self, reply: frames.Reply) -> None:
        self._replies.append(reply)

    def flush(self, token: str) -> None:
        """Send the replies that have gathered."""
        if self._replies:
            self._put(frames.encode_frame(frames.Replies(self._replies, token)))
            self._replies = []

    def _notice(self, notice: frames.Notice) -> None:
        self._put(frames.encode_frame(notice))

    def _put(self, frame: bytes) -> None:
        self.outbox.put(frame)
        if self.outbox.full:
            self.closing = "slow_reader"

    # --- Cancel on disconnect ----------------------------------------------------------------------------

    async def _note_accounts(self, by_shard: Mapping[int, Frame]) -> None:
        """Before an order is sent it is noted elsewhere whose session it belongs to: this process may die."""
        if not self.guarded:
            return
        known = len(self.accounts) + len(self.shards)
        for shard, frame in by_shard.items():
            for command in frame.commands:
                if isinstance(command, PlaceOrder | CancelReplace | PlaceOrderList):
                    self.accounts[command.account] = None
                    self.shards[shard] = None
        if len(self.accounts) + len(self.shards) > known:
            accounts, shards = list(self.accounts), list(self.shards)
            await self._desk.sessions.remember(self.session, self.actor, accounts, shards)

    # --- Items -------------------------------------------------------------------------------------------

    def _origin(self) -> Origin:
        if self.identity is None:
            raise _not_authenticated("this connection has not said who it is; send an item with op auth")
        if time.time() > self._expires:
            raise _not_authenticated("the token has expired; send an item with op auth and a new one")
        return Origin(self.identity, session=self.session if self.guarded else "")

    def _order_origin(self, account: str) -> Origin:
        origin = self._origin()
        most = self._desk.bounds.accounts_max
        if self.guarded and account not in self.accounts and len(self.accounts) >= most:
            detail = f"this connection has orders of {most} accounts already, which end with it"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
        return origin

    def _place(self, item: frames.PlaceItem, sorting: Sorting) -> None:
        command = self._desk.intake.place(self._order_origin(item.account), item)
        sorting.add(item.id, item.client_order_id, command, self._home(item.symbol), item.answer)

    def _place_test(self, item: frames.PlaceTestItem, sorting: Sorting) -> None:
        command = self._desk.intake.place(self._origin(), item, dry_run=True)
        sorting.add(item.id, item.client_order_id, command, self._home(item.symbol))

    def _cancel(self, item: frames.CancelItem, sorting: Sorting) -> None:
        command = self._desk.intake.cancel_named(self._origin(), item)
        sorting.add(item.id, item.client_order_id or "", command, self._named(command.order_id), item.answer)

    def _amend(self, item: frames.AmendItem, sorting: Sorting) -> None:
        command = self._desk.intake.amend(self._origin(), item.order_id, item)
        sorting.add(item.id, "", command, self._named(item.order_id), item.answer)

    def _cancel_replace(self, item: frames.CancelReplaceItem, sorting: Sorting) -> None:
        order = item.order
        command = self._desk.intake.replace(self._order_origin(order.account), item)
        sorting.add(item.id, order.client_order_id, command, self._home(order.symbol), item.answer)

    def _place_list(self, item: frames.PlaceListItem, sorting: Sorting) -> None:
        if not item.client_list_id:
            detail = "client_list_id is missing: it says whether a list is the same again"
            raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail)
        command = self._desk.intake.place_list(self._order_origin(item.account), item)
        sorting.add(item.id, "", command, self._home(item.symbol), item.answer)

    def _cancel_list(self, item: frames.CancelListItem, sorting: Sorting) -> None:
        command = self._desk.intake.cancel_list(self._origin(), item.account, item.list_id)
        sorting.add(item.id, "", command, self._named(item.list_id), item.answer)

    def _kill_switch(self, item: frames.KillSwitchItem, sorting: Sorting) -> None:
        intake, origin = self._desk.intake, self._origin()
        STOP.check(origin.identity, item.account)
        command = SetAccountStatus(
            command_id=intake.new_id(),
            actor=origin.identity.subject,
            account=item.account,
            status=item.status,
            reason=item.reason,
            only_tighten=True,
        )
        if intake.directory.several:
            sorting.add_everywhere(item.id, copies(command, intake.directory.shards, intake.new_id))
        else:
            sorting.add(item.id, "", command, DEFAULT_SHARD)

    def _cancel_all(self, item: frames.CancelAllItem, sorting: Sorting) -> None:
        intake = self._desk.intake
        command = intake.cancel_all(self._origin(), item.account, item.symbol, item.side)
        if item.symbol is None and intake.directory.several:
            sorting.add_everywhere(item.id, copies(command, intake.directory.shards, intake.new_id))
        else:
            sorting.add(item.id, "", command, self._home(item.symbol or ""))

    def _home(self, symbol: str) -> int:
        return self._desk.intake.directory.shard_of(symbol)

    def _named(self, order_id: str) -> int:
        """Return the shard that an id carries: the intake has looked whether there is one."""
        directory = self._desk.intake.directory
        return directory.shard_of_id("order_id", order_id) if directory.several else DEFAULT_SHARD

    def _auth(self, item: frames.AuthItem, _sorting: Sorting) -> None:
        self.authenticate(item.token)
        if item.cancel_on_disconnect is not None:
            self.guarded = item.cancel_on_disconnect
        self.reply(frames.Reply(item.id, "ok"))

    def _session(self, item: frames.SessionItem, _sorting: Sorting) -> None:
        self.guarded = item.cancel_on_disconnect
        self.reply(frames.Reply(item.id, "ok"))

    def _ping(self, item: frames.PingItem, _sorting: Sorting) -> None:
        self.reply(frames.Reply(item.id, "ok"))

    def _pong(self, _item: frames.PongItem, _sorting: Sorting) -> None:
        """It was heard; that is all."""

    def _bad(self, item: frames.BadItem, _sorting: Sorting) -> None:
        self.reply(frames.refusal(item.id, "invalid_request", item.detail))


_HANDLERS: dict[type, Callable[[Connection, Any, Sorting], None]] = {
    frames.PlaceItem: Connection._place,  # noqa: SLF001 - a table of the class's own methods
    frames.PlaceTestItem: Connection._place_test,  # noqa: SLF001
    frames.CancelItem: Connection._cancel,  # noqa: SLF001
    frames.AmendItem: Connection._amend,  # noqa: SLF001
    frames.CancelReplaceItem: Connection._cancel_replace,  # noqa: SLF001
    frames.CancelAllItem: Connection._cancel_all,  # noqa: SLF001
    frames.PlaceListItem: Connection._place_list,  # noqa: SLF001
    frames.CancelListItem: Connection._cancel_list,  # noqa: SLF001
    frames.KillSwitchItem: Connection._kill_switch,  # noqa: SLF001
    frames.AuthItem: Connection._auth,  # noqa: SLF001
    frames.SessionItem: Connection._session,  # noqa: SLF001
    frames.PingItem: Connection._ping,  # noqa: SLF001
    frames.PongItem: Connection._pong,  # noqa: SLF001
    frames.BadItem: Connection._bad,  # noqa: SLF001
}


def _not_authenticated(detail: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, "not_authenticated", detail)
