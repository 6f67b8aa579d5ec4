"""The desk: makes commands out of requests, in the name of who asks, and sends them."""

import time
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.security.jwt import Token

from api.auth import Identity, may_act_for
from api.command import schemas
from api.command.gateway import Gateway, UnavailableError
from api.command.list_schemas import LegRequest
from api.problems import Problem
from commands.messages import AnyCommand, Outcome
from domain import ids
from domain.event import Side
from domain.order import AmendOrder, CancelAll, CancelOrder, CancelReplace, OrderRequest, PlaceOrder

DEFAULT_SHARD = 0  # all markets trade on it, until markets on other shards are listed

ApiRequest = Request[Identity, Token, State]


class Desk:
    """Checks that who asks may act for the account, then makes the command and sends it."""

    def __init__(self, gateway: Gateway, valid_ms: int) -> None:
        self._gateway = gateway
        self._valid_us = valid_ms * 1_000

    def origin(self, request: ApiRequest) -> dict[str, Any]:
        """Return who and what a command of this request comes from."""
        return {
            "command_id": uuid4().hex,
            "actor": request.user.subject,
            "correlation_id": request.headers.get("X-Correlation-ID", "")[:64],
        }

    def place(
        self, request: ApiRequest, order: schemas.PlaceOrderRequest, *, dry_run: bool = False
    ) -> PlaceOrder:
        return PlaceOrder(**self._new_order(request, order), dry_run=dry_run)

    def replace(self, request: ApiRequest, data: schemas.CancelReplaceRequest) -> CancelReplace:
        order = self._new_order(request, data.order)
        return CancelReplace(**order, cancel_order_id=data.cancel_order_id, mode=data.mode)

    def amend(self, request: ApiRequest, order_id: str, change: schemas.AmendOrderRequest) -> AmendOrder:
        may_act_for(request.user, change.account)
        return AmendOrder(
            **self.origin(request),
            order_id=order_id,
            account=change.account,
            quantity=change.quantity,
            price=change.price,
            trigger_price=change.trigger_price,
        )

    def cancel(self, request: ApiRequest, account: str, order_id: str) -> CancelOrder:
        may_act_for(request.user, account)
        return CancelOrder(**self.origin(request), order_id=order_id, account=account)

    def cancel_all(
        self, request: ApiRequest, account: str, symbol: str | None, side: Side | None
    ) -> CancelAll:
        may_act_for(request.user, account)
        return CancelAll(**self.origin(request), account=account, symbol=symbol, side=side)

    def valid_until_us(self) -> int:
        """Return until when an order that is sent now is to be executed, in microseconds."""
        return time.time_ns() // 1_000 + self._valid_us

    async def send_all(self, commands: list[AnyCommand]) -> tuple[list[Outcome | None], str]:
        """Return the outcome of each command, and the token that reads them back."""
        try:
            answer = await self._gateway.send(commands, DEFAULT_SHARD)
        except UnavailableError as error:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", str(error), headers={"Retry-After": "1"}
            ) from None
        return answer.outcomes, answer.token

    async def send(self, command: AnyCommand) -> tuple[Outcome | None, str]:
        (outcome,), token = await self.send_all([command])
        return outcome, token

    def _new_order(self, request: ApiRequest, order: schemas.PlaceOrderRequest) -> dict[str, Any]:
        may_act_for(request.user, order.account)
        return {
            **self.origin(request),
            "valid_until_us": self.valid_until_us(),
            "order_id": ids.order_id(DEFAULT_SHARD, order.account, order.client_order_id),
            "account": order.account,
            "client_order_id": order.client_order_id,
            "symbol": order.symbol,
            "request": asked_for(order),
        }


def asked_for(order: schemas.PlaceOrderRequest | LegRequest) -> OrderRequest:
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
    )


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


OwnDesk = NamedDependency[Desk]
