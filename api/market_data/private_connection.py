"""One private connection: says who it is, and follows accounts of its own. It knows no socket."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from api.auth import Identity
from api.authentication.authenticator import Authenticator
from api.authentication.identity import Credential
from api.market_data import messages, private_messages
from api.market_data.access import RefusedTokenError, identify, may_follow
from api.market_data.board import UnknownMarketError
from api.market_data.bounds import StreamBounds
from api.market_data.connection import Talk
from api.market_data.private import PrivateFeed
from api.market_data.private_store import NotNowError


class PrivateConnection(Talk):
    """``now`` is of any clock, ``epoch_s`` seconds since 1970."""

    _decoder: msgspec.json.Decoder[private_messages.PrivateAsk] = msgspec.json.Decoder(
        private_messages.PrivateAsk
    )

    def __init__(
        self, feed: PrivateFeed, authenticator: Authenticator, limits: StreamBounds, now: float
    ) -> None:
        super().__init__(limits, now)
        self.identity: Identity | None = None
        self._feed = feed
        self._authenticator = authenticator
        self._credential: Credential | None = None
        self._opened = now
        self._expires = 0.0
        self._warned = False
        self._following: dict[str, asyncio.Task[None]] = {}

    # --- Who is there ------------------------------------------------------------------------------------

    def authenticate(self, token: str, asked: messages.Id = None) -> None:
        """Begin, or go on, in the name of the token's subject; what is wrong with it is told."""
        try:
            credential = identify(self._authenticator, token)
        except RefusedTokenError as error:
            self.fault("not_authenticated", str(error), asked)
            return
        identity, expires = credential.identity, credential.expires
        if self.identity is not None and identity.subject != self.identity.subject:
            self.fault(
                "not_authenticated",
                f"the token is {identity.subject}'s, this connection {self.identity.subject}'s",
                asked,
            )
            return
        self.identity, self._expires, self._warned = identity, expires, False
        self._credential = credential
        for account in [each for each in self._following if not may_follow(identity, each)]:
            self._leave_one(account)
            self.fault("not_allowed", f"{identity.subject} may not see account {account} any more")
        self.tell(private_messages.Authenticated(identity.subject, int(expires * 1000), asked))

    def look_at_clock(self, now: float, epoch_s: float) -> None:
        """Tell of the token's end, or close at it; about once a second."""
        if self.identity is None:
            if now - self._opened > self._bounds.auth_ms_max / 1000:
                self.closing = "not_authenticated"
        elif self._credential is not None and self._authenticator.is_over(self._credential, epoch_s):
            self.closing = "not_authenticated"
        elif epoch_s > self._expires - self._bounds.expiry_notice_ms / 1000 and not self._warned:
            self._warned = True
            self.tell(private_messages.TokenExpires(int(self._expires * 1000)))

    # --- Frames ------------------------------------------------------------------------------------------

    def take(self, data: str | bytes, now: float) -> None:
        """Do what a frame asks for; what is wrong with it is told."""
        if not self.admitted(len(data), now):
            return
        try:
            asked = self._decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self.bad_frame(error)
            return
        self.good_frame()
        _HANDLERS[type(asked)](self, asked)

    def leave(self, _now: float) -> None:
        """The connection is over."""
        for account in list(self._following):
            self._leave_one(account)

    def _auth(self, asked: private_messages.Authenticate) -> None:
        self.authenticate(asked.token, asked.id)

    def _follow(self, asked: private_messages.Follow) -> None:
        account = asked.account
        if self.identity is None:
            self.fault("not_authenticated", "say who you are first: op auth with a token", asked.id)
        elif not may_follow(self.identity, account):
            self.fault("not_allowed", f"{self.identity.subject} may not see account {account}", asked.id)
        elif account in self._following:
            self.fault("already_subscribed", f"account {account} is subscribed already", asked.id)
        elif len(self._following) >= self._bounds.accounts_max:
            most = self._bounds.accounts_max
            self.fault("too_many_subscriptions", f"a connection may follow {most} accounts", asked.id)
        else:
            self._following[account] = asyncio.create_task(self._begin(asked))

    async def _begin(self, asked: private_messages.Follow) -> None:
        try:
            await self._feed.follow(asked.account, asked.from_seq, self, asked.id)
        except (NotNowError, UnknownMarketError) as error:
            self._following.pop(asked.account, None)
            self.fault("not_yet_visible", f"{error}; ask again in a moment", asked.id)

    def _unfollow(self, asked: private_messages.Unfollow) -> None:
        if asked.account in self._following:
            self._leave_one(asked.account)
            self.tell(private_messages.Unfollowed(asked.account, asked.id))
        else:
            self.fault("not_subscribed", f"account {asked.account} is not subscribed", asked.id)

    def _leave_one(self, account: str) -> None:
        self._following.pop(account).cancel()
        self._feed.leave(account, self)

    def _ping(self, asked: messages.Ping) -> None:
        self.tell(messages.Pong(asked.id))


_HANDLERS: dict[type, Callable[[PrivateConnection, Any], None]] = {
    private_messages.Authenticate: PrivateConnection._auth,  # noqa: SLF001 - a table of its own
    private_messages.Follow: PrivateConnection._follow,  # noqa: SLF001
    private_messages.Unfollow: PrivateConnection._unfollow,  # noqa: SLF001
    messages.Ping: PrivateConnection._ping,  # noqa: SLF001
}
