"""A reference client's side of the private stream: an account's open orders and balances, as the server has
them.

Like ``follower`` it is given decoded messages and touches no socket.
"""

from collections.abc import Mapping
from typing import Any

from api.market_data.follower import GapError


class AccountFollower:
    """``orders``: what each open order may still trade, by id. ``balances``: (available, held) by shard and
    asset. ``seqs``: the last message of each shard.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self.seqs: dict[str, int] | None = None
        self.orders: dict[str, str] = {}
        self.balances: dict[tuple[int, str], tuple[str, str]] = {}
        self.snapshots = 0
        self.resumed = 0
        self.events = 0

    def wanted(self) -> dict[str, Any]:
        """Return the message that follows the account, from where this is if it is anywhere."""
        wanted: dict[str, Any] = {"op": "subscribe", "account": self.account}
        return wanted if self.seqs is None else {**wanted, "from_seq": self.seqs}

    def take(self, message: Mapping[str, Any]) -> bool:
        """Apply a message; tell whether it was one of this account. Raises ``GapError``."""
        kind = message.get("type")
        if message.get("account") != self.account:
            return False
        if kind == "account_snapshot":
            self._begin(message)
        elif kind == "account_resumed":
            self.resumed += 1
            for event in message["events"]:
                self._apply(event)
            self.seqs = dict(message["seqs"])
        elif kind == "account":
            self._follow(message)
        return True

    def _begin(self, snapshot: Mapping[str, Any]) -> None:
        self.snapshots += 1
        self.seqs = dict(snapshot["seqs"])
        self.orders = {order["order_id"]: order["remaining"] for order in snapshot["orders"]}
        self.balances = {
            (each["shard"], each["asset"]): (each["available"], each["held"]) for each in snapshot["balances"]
        }

    def _follow(self, news: Mapping[str, Any]) -> None:
        shard = str(news["shard"])
        last = None if self.seqs is None else self.seqs.get(shard, 0)
        if self.seqs is None or news.get("previous", 0) != last:
            self.seqs = None
            raise GapError(f"shard {shard}: what follows {news.get('previous')} came, {last} was the last")
        self._apply(news)
        self.seqs[shard] = news["seq"]

    def _apply(self, news: Mapping[str, Any]) -> None:
        self.events += 1
        what, order_id, remaining = news["what"], news.get("order_id"), news.get("remaining")
        if what == "balances":
            for each in news["balances"]:
                self.balances[news["shard"], each["asset"]] = (each["available"], each["held"])
        elif order_id is not None and remaining is not None:
            if remaining == "0":
                self.orders.pop(order_id, None)
            else:
                self.orders[order_id] = remaining
