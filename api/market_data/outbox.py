"""What one connection is still to be sent: bounded, whether it reads or not.

Messages go out one by one while a client keeps up. Behind that, what can be told in one message is only noted
as owed, and written when the client reads again; what cannot be is kept up to a bound, and then the
connection is to be closed.
"""

import asyncio
from collections import deque
from typing import Any

from api.market_data.bounds import StreamBounds
from api.market_data.channels import Channel, Sent

CHARGE_PARTS = 4


class Outbox:
    """``full``: the client does not read what must not be left out. ``conflated`` counts what it was not
    told one by one.
    """

    def __init__(self, limits: StreamBounds) -> None:
        self.full = False
        self.conflated = 0
        self.bytes = 0
        self._bounds = limits
        self._waiting: deque[Sent] = deque()
        self._owed: dict[Channel, int] = {}
        self._something = asyncio.Event()

    def put(self, sent: Sent) -> None:
        """Line up a message of its own, such as an answer."""
        if self.bytes > self._bounds.send_bytes_max:
            self.full = True
        else:
            self._line_up(sent)
        self._something.set()

    def _line_up(self, sent: Sent) -> None:
        self.bytes += self._charge(sent)
        self._waiting.append(sent)

    def _charge(self, sent: Sent) -> int:
        """A book's snapshot may be larger than all that a connection may owe: it counts as a part of that."""
        return min(sent.size, self._bounds.send_bytes_max // CHARGE_PARTS)

    def offer(self, channel: Channel, sent: Sent) -> None:
        """Line up a channel's message, or note that it is owed."""
        if channel in self._owed:
            self.conflated += 1
        elif channel.conflates and self.bytes + sent.size > self._bounds.conflate_bytes and self._waiting:
            self._owed[channel] = sent.previous
            self.conflated += 1
        else:
            self.put(sent)

    def forget(self, channel: Channel) -> None:
        """Nothing is owed of a channel that was unsubscribed."""
        self._owed.pop(channel, None)

    async def next(self) -> tuple[dict[str, Any], int]:
        """Wait for something to send; return the socket's event for it, and its size for ``sent``."""
        while not (self._waiting or self._owed):
            self._something.clear()
            await self._something.wait()
        if not self._waiting:
            self._pay()
        if not self._waiting:
            return await self.next()
        if len(self._waiting) == 1:
            one = self._waiting.popleft()
            return one.event, self._charge(one)
        return self._several()

    def sent(self, size: int) -> None:
        self.bytes -= size

    def _pay(self) -> None:
        owed, self._owed = self._owed, {}
        for channel, seq in owed.items():
            for sent in channel.owed(seq):
                self._line_up(sent)

    def _several(self) -> tuple[dict[str, Any], int]:
        """A frame is a message, or an array of several that wait."""
        texts, size = list[str](), 0
        while self._waiting and len(texts) < self._bounds.frame_messages_max:
            if texts and size + self._waiting[0].size > self._bounds.conflate_bytes:
                break
            one = self._waiting.popleft()
            texts.append(one.text)
            size += self._charge(one)
        text = f"[{','.join(texts)}]" if len(texts) > 1 else texts[0]
        return {"type": "websocket.send", "text": text, "bytes": None}, size
