"""Intake: makes commands out of what clients ask for, in their name; the same for every way in."""

import time
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from itertools import count
from typing import NamedTuple
from uuid import uuid4

from api.auth import Identity
from api.command import schemas
from api.command.directory import ONE_SHARD, Directory
from api.command.list_schemas import LegRequest, PlaceOrderListRequest
from api.permissions import TRADE
from api.problems import Problem
from domain import ids
from domain.event import Side
from domain.order import AmendOrder, CancelAll, CancelOrder, CancelReplace, OrderRequest, PlaceOrder
from domain.order_list import CancelOrderList, ListLeg, PlaceOrderList


class Origin(NamedTuple):
    """Who asks, as part of which work; ``session``: the connection that takes its orders with it."""

    identity: Identity
    correlation_id: str = ""
    session: str = ""


class Intake:
    """Checks that who asks may act for the account, and makes the command, for the shard of its market.

    Raises ``Problem``: 403, or 400 for an id of a shard that does not exist.
    """

    def __init__(self, valid_ms: int, directory: Directory = ONE_SHARD) -> None:
        self.directory = directory
        self._valid_us = valid_ms * 1_000
        # A number behind what no other process has costs a tenth of a random id of its own.
        self._prefix = uuid4().hex
        self._numbers = count(1)

    def new_id(self) -> str:
        """Return a command id that no other command has."""
        return f"{self._prefix}{next(self._numbers):x}"

    def valid_until_us(self) -> int:
        """Return until when an order that is sent now is to be executed, in microseconds."""
        return time.time_ns() // 1_000 + self._valid_us

    def place(self, origin: Origin, order: schemas.PlaceOrderRequest, *, dry_run: bool = False) -> PlaceOrder:
        TRADE.check(origin.identity, order.account)
        _check_named(order)
        return PlaceOrder(
            command_id=self.new_id(),
            actor=origin.identity.subject,
            correlation_id=origin.correlation_id,
            valid_until_us=self.valid_until_us(),
            order_id=ids.order_id(
                self.directory.shard_of(order.symbol), order.account, order.client_order_id
            ),
            account=order.account,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            request=asked_for(order, origin.session),
            dry_run=dry_run,
        )

    def replace(self, origin: Origin, asked: schemas.CancelReplaceRequest) -> CancelReplace:
        order = asked.order
        TRADE.check(origin.identity, order.account)
        _check_named(order)
        shard = self.directory.shard_of(order.symbol)
        self._check_same_shard(asked.cancel_order_id, order.symbol, shard)
        return CancelReplace(
            command_id=self.new_id(),
            actor=origin.identity.subject,
            correlation_id=origin.correlation_id,
            valid_until_us=self.valid_until_us(),
            cancel_order_id=asked.cancel_order_id,
            mode=asked.mode,
            order_id=ids.order_id(shard, order.account, order.client_order_id),
            account=order.account,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            request=asked_for(order, origin.session),
        )

    def _check_same_shard(self, cancelled: str, symbol: str, shard: int) -> None:
        """One step is one shard's."""
        if (its_shard := self.directory.shard_of_id("cancel_order_id", cancelled)) != shard:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "invalid_request",
                f"the order to cancel is on shard {its_shard}, {symbol} on shard {shard}: "
                "cancel it, then place the other",
            )

    def amend(self, origin: Origin, order_id: str, change: schemas.AmendOrderRequest) -> AmendOrder:
        TRADE.check(origin.identity, change.account)
        self.directory.shard_of_id("order_id", order_id)
        return AmendOrder(
            command_id=self.new_id(),
            actor=origin.identity.subject,
            correlation_id=origin.correlation_id,
            order_id=order_id,
            account=change.account,
            quantity=change.quantity,
            price=change.price,
            trigger_price=change.trigger_price,
        )

    def place_list(self, origin: Origin, asked: PlaceOrderListRequest) -> PlaceOrderList:
        TRADE.check(origin.identity, asked.account)
        shard = self.directory.shard_of(asked.symbol)
        return PlaceOrderList(
            command_id=self.new_id(),
            actor=origin.identity.subject,
            correlation_id=origin.correlation_id,
            valid_until_us=self.valid_until_us(),
            list_id=ids.list_id(shard, asked.account, asked.client_list_id),
            account=asked.account,
            client_list_id=asked.client_list_id,
            symbol=asked.symbol,
            kind=asked.kind,
            legs=tuple(
                ListLeg(
                    ids.order_id(shard, asked.account, leg.client_order_id),
                    leg.client_order_id,
                    asked_for(leg, origin.session),
                )
                for leg in asked.legs
            ),
        )

    def cancel_list(self, origin: Origin, account: str, list_id: str) -> CancelOrderList:
        TRADE.check(origin.identity, account)
        self.directory.shard_of_id("list_id", list_id)
        return CancelOrderList(
            command_id=self.new_id(),
            actor=origin.identity.subject,
            correlation_id=origin.correlation_id,
            list_id=list_id,
            account=account,
        )

    def cancel_named(
        self, origin: Origin, named: schemas.CancelOrderRequest | schemas.CancelItem
    ) -> CancelOrder:
        """Cancel by the order's id, or by the client's own; by that one needs the market where there are
        several shards.
        """
        if (named.order_id is None) == (named.client_order_id is None):
            detail = "cancel names an order by order_id or by client_order_id: give one of them"
            raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail)
        if self.directory.several and named.order_id is None and named.symbol is None:
            detail = "cancel by client_order_id names the symbol as well: the order's shard is its market's"
            raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail, field="symbol")
        shard = self.directory.shard_of(named.symbol or "")
        own = named.order_id or ids.order_id(shard, named.account, named.client_order_id or "")
        return self.cancel(origin, named.account, own)

    def cancel(self, origin: Origin, account: str, order_id: str) -> CancelOrder:
        TRADE.check(origin.identity, account)
        self.directory.shard_of_id("order_id", order_id)
        return CancelOrder(
            command_id=self.new_id(),
            actor=origin.identity.subject,
            correlation_id=origin.correlation_id,
            order_id=order_id,
            account=account,
        )

    def cancel_all(self, origin: Origin, account: str, symbol: str | None, side: Side | None) -> CancelAll:
        TRADE.check(origin.identity, account)
        return CancelAll(
            command_id=self.new_id(),
            actor=origin.identity.subject,
            correlation_id=origin.correlation_id,
            account=account,
            symbol=symbol,
            side=side,
        )

    def end_session(self, actor: str, session: str, accounts: Sequence[str]) -> list[CancelAll]:
        """Return what cancels the orders that a lost connection placed."""
        return [
            CancelAll(command_id=self.new_id(), actor=actor, account=account, session=session)
            for account in accounts
        ]


def _check_named(order: schemas.PlaceOrderRequest) -> None:
    if not order.client_order_id:
        detail = "client_order_id is missing: it says whether an order is the same again"
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail, field="client_order_id")


def asked_for(order: schemas.PlaceOrderRequest | LegRequest, session: str = "") -> OrderRequest:
    return OrderRequest(
        side=order.side,
        order_type=order.type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        quote_quantity=order.quote_quantity,
        price=order.price,
        trigger_price=order.trigger_price,
        trigger_source=order.trigger_source,
        trailing_offset=order.trailing_offset,
        trailing_bps=order.trailing_bps,
        display_quantity=order.display_quantity,
        post_only=order.post_only,
        expires_at_us=None if order.expires_at is None else _microseconds(order.expires_at),
        self_trade=order.self_trade_prevention,
        session=session,
    )


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
