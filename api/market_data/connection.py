"""One public connection: takes what a client asks for, and is told what happens. It knows no socket."""

from collections import deque
from collections.abc import Callable
from typing import Any, Literal
from uuid import uuid4

import msgspec

from api.market_data import messages
from api.market_data.board import Board, UnknownMarketError, key_of
from api.market_data.bounds import StreamBounds
from api.market_data.channels import Channel, Sent
from api.market_data.messages import Fault, Told, Wanted
from api.market_data.outbox import Outbox

CloseReason = Literal[
    "not_authenticated",
    "slow_reader",
    "too_many_errors",
    "too_many_frames",
    "too_large",
    "going_away",
]
CLOSES: dict[CloseReason, tuple[int, str]] = {
    "going_away": (1001, "This service stops: connect again, and go on from the last seq."),
    "too_large": (1009, "A frame was larger than one may be."),
    "not_authenticated": (
        4401,
        "No valid token was sent in time, or it has expired: connect with a new one.",
    ),
    "slow_reader": (
        4413,
        "Messages that cannot be left out were not read in time: connect again, ask for less.",
    ),
    "too_many_errors": (4429, "Too many frames in a row could not be read."),
    "too_many_frames": (4430, "More frames a second were sent than one connection may send."),
}
RUN = uuid4().hex
"""Names this process."""


class Talk:
    """What public and private connections have in common: frames in, within bounds, and an outbox."""

    def __init__(self, limits: StreamBounds, now: float) -> None:
        self.outbox = Outbox(limits)
        self.closing: CloseReason | None = None
        self.told_at = now
        self._bounds = limits
        self._bad_frames = 0
        self._frame_times: deque[float] = deque(maxlen=2 * limits.frames_per_s_max)
        self._subscribed = 0
        self.tell(
            messages.Welcome(RUN, limits.subscriptions_max, limits.frame_bytes_max, limits.heartbeat_ms)
        )

    def tell(self, told: Told) -> None:
        self.put(Sent(told))

    def put(self, sent: Sent) -> None:
        self.outbox.put(sent)
        if self.outbox.full:
            self.closing = "slow_reader"

    def fault(self, code: str, detail: str, asked: Any = None) -> None:
        self.tell(Fault(code, detail, asked))

    def admitted(self, size: int, now: float) -> bool:
        """Tell whether a frame from the client is to be looked at."""
        times = self._frame_times
        if len(times) == times.maxlen and now - times[0] < 2.0:
            self.closing = "too_many_frames"
        times.append(now)
        if size > self._bounds.frame_bytes_max:
            self.closing = "too_large"
        return self.closing is None

    def bad_frame(self, error: Exception) -> None:
        self.fault("invalid_request", f"this frame is no message of a client: {error}")
        self._bad_frames += 1
        if self._bad_frames >= self._bounds.bad_frames_max:
            self.closing = "too_many_errors"

    def good_frame(self) -> None:
        self._bad_frames = 0

    def heartbeat(self, now: float, now_ms: int) -> None:
        """Say that we are there, if nothing else has for a while."""
        if now - self.told_at >= self._bounds.heartbeat_ms / 1000 and not self.outbox.bytes:
            self.told_at = now
            self.tell(messages.Heartbeat(now_ms))


class Connection(Talk):
    """Subscribes to channels of the board, and is told by it."""

    _decoder: msgspec.json.Decoder[messages.PublicAsk] = msgspec.json.Decoder(messages.PublicAsk)

    def __init__(self, board: Board, limits: StreamBounds, now: float) -> None:
        super().__init__(limits, now)
        self._board = board
        self._channels: dict[Any, Channel] = {}

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
        _HANDLERS[type(asked)](self, asked, now)

    def offer(self, channel: Channel, sent: Sent) -> None:
        self.outbox.offer(channel, sent)
        if self.outbox.full:
            self.closing = "slow_reader"

    def leave(self, now: float) -> None:
        """The connection is over."""
        for channel in self._channels.values():
            self._board.leave(channel, self, now)
        self._channels = {}

    def _subscribe(self, asked: messages.Subscribe, _now: float) -> None:
        for wanted in asked.channels:
            self._subscribe_one(wanted, asked.id)

    def _subscribe_one(self, wanted: Wanted, asked_id: messages.Id) -> None:
        key = key_of(wanted)
        if key in self._channels:
            self.fault("already_subscribed", f"{' '.join(filter(None, key))} is subscribed already", asked_id)
            return
        if len(self._channels) >= self._bounds.subscriptions_max:
            most = self._bounds.subscriptions_max
            self.fault("too_many_subscriptions", f"a connection may have {most} subscriptions", asked_id)
            return
        try:
            channel = self._board.channel(wanted)
        except UnknownMarketError as error:
            self.fault("not_found", str(error), asked_id)
            return
        self._begin(channel, wanted, asked_id)

    def _begin(self, channel: Channel, wanted: Wanted, asked_id: messages.Id) -> None:
        """First the answer, then what was missed or a snapshot, then everything new: nothing comes
        between.
        """
        missed = None if wanted.from_seq is None else channel.since(wanted.from_seq)
        resumed = missed is not None
        self.tell(
            messages.Subscribed(wanted.channel, wanted.symbol, channel.seq, resumed, channel.depth, asked_id)
        )
        for sent in [channel.snapshot()] if missed is None else missed:
            self.put(sent)
        self._channels[key_of(wanted)] = channel
        self._board.listen(channel, self)

    def _unsubscribe(self, asked: messages.Unsubscribe, now: float) -> None:
        for wanted in asked.channels:
            channel = self._channels.pop(key_of(wanted), None)
            if channel is None:
                self.fault("not_subscribed", f"{wanted.channel} {wanted.symbol} is not subscribed", asked.id)
                continue
            self._board.leave(channel, self, now)
            self.outbox.forget(channel)
            self.tell(messages.Unsubscribed(wanted.channel, wanted.symbol, channel.depth, asked.id))

    def _ping(self, asked: messages.Ping, _now: float) -> None:
        self.tell(messages.Pong(asked.id))


_HANDLERS: dict[type, Callable[[Connection, Any, float], None]] = {
    messages.Subscribe: Connection._subscribe,  # noqa: SLF001 - a table of the class's own methods
    messages.Unsubscribe: Connection._unsubscribe,  # noqa: SLF001
    messages.Ping: Connection._ping,  # noqa: SLF001
}
