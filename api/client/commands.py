"""The command API's routes, synchronous. Each takes and returns the API's own shapes.

Written by docs/client_source.py from async_commands.py: do not edit.
"""

from collections.abc import Sequence

from api.client.calls import Call, params_of, path_of
from api.client.sending import Sender
from api.client.types import (
    AccountFeesRequest,
    AccountGroupRequest,
    AccountLimitsRequest,
    AccountStatusRequest,
    AdjustmentRequest,
    AmendOrderRequest,
    BatchOutcome,
    BatchRequest,
    BustTradeRequest,
    CancelInBatch,
    CancellationRequest,
    CancelReplaceRequest,
    CompletionRequest,
    CorrectTradeRequest,
    DepositRequest,
    DoneView,
    KillSwitchRequest,
    ListMarketRequest,
    MarketRulesRequest,
    MarketStatusRequest,
    MarkPriceRequest,
    OpenAccountRequest,
    OrderListOutcome,
    OrderOutcome,
    PlaceInBatch,
    PlaceOrderListRequest,
    PlaceOrderRequest,
    TransferRequest,
    VenueStatusRequest,
    WithdrawalRequest,
)
from api.client.types.words import Side


class Commands(Sender):
    """What was rejected or refused raises; ``pending`` is a command that was not decided in time."""

    # --- Orders ---------------------------------------------------------------------------------------------

    def place(self, order: PlaceOrderRequest) -> OrderOutcome:
        """Place an order. Sent again as often as need be: its client order id makes it one order."""
        return self.send(Call("command", "POST", "/v1/orders", OrderOutcome, order))

    def test(self, order: PlaceOrderRequest) -> OrderOutcome:
        """Have an order validated in full, funds included, and not placed."""
        return self.send(Call("command", "POST", "/v1/orders/test", OrderOutcome, order))

    def batch(self, commands: Sequence[PlaceInBatch | CancelInBatch]) -> BatchOutcome:
        """Place and cancel many orders in one request; each has its own outcome, and none raises."""
        body = BatchRequest(commands=list(commands))
        return self.send(Call("command", "POST", "/v1/orders/batch", BatchOutcome, body))

    def amend(self, order_id: str, change: AmendOrderRequest) -> OrderOutcome:
        """Change an open order. Not sent again when its answer is lost: another change may be in between."""
        path = path_of("orders", order_id)
        return self.send(Call("command", "PATCH", path, OrderOutcome, change, repeatable=False))

    def cancel(self, account: str, order_id: str) -> OrderOutcome:
        """Cancel an open order. After a lost answer it is sent again, and then may be ``order_not_open``."""
        params = params_of(account=account)
        path = path_of("orders", order_id)
        return self.send(Call("command", "DELETE", path, OrderOutcome, params=params))

    def cancel_all(self, account: str, symbol: str | None = None, side: Side | None = None) -> DoneView:
        """Cancel all open orders of an account, or those of one market or side."""
        params = params_of(account=account, symbol=symbol, side=side)
        return self.send(Call("command", "DELETE", "/v1/orders", DoneView, params=params))

    def cancel_replace(self, request: CancelReplaceRequest) -> OrderOutcome:
        """Cancel one order and place another in one step. Not sent again when its answer is lost."""
        path = "/v1/orders/cancel-replace"
        return self.send(Call("command", "POST", path, OrderOutcome, request, repeatable=False))

    def place_list(self, orders: PlaceOrderListRequest) -> OrderListOutcome:
        """Place an OCO, OTO or OTOCO list, whole or not at all."""
        return self.send(Call("command", "POST", "/v1/order-lists", OrderListOutcome, orders))

    def cancel_list(self, account: str, list_id: str) -> OrderListOutcome:
        """Cancel all orders of a list that are open."""
        params = params_of(account=account)
        path = path_of("order-lists", list_id)
        return self.send(Call("command", "DELETE", path, OrderListOutcome, params=params))

    # --- Accounts and money ---------------------------------------------------------------------------------

    def open_account(self, account: str) -> DoneView:
        """Open an account; opening it again changes nothing."""
        body = OpenAccountRequest(account=account)
        return self.send(Call("command", "POST", "/v1/accounts", DoneView, body))

    def deposit(self, account: str, deposit: DepositRequest) -> DoneView:
        """Credit an account, once for each client transfer id."""
        return self.send(Call("command", "POST", _account(account, "deposits"), DoneView, deposit))

    def withdraw(self, account: str, withdrawal: WithdrawalRequest) -> DoneView:
        """Hold funds until the venue has paid them out, once for each client transfer id."""
        return self.send(Call("command", "POST", _account(account, "withdrawals"), DoneView, withdrawal))

    def complete_withdrawal(self, account: str, transfer_id: str, reference: str) -> DoneView:
        """Say that the money has left, and by which reference."""
        path = _account(account, "withdrawals", transfer_id, "complete")
        return self.send(Call("command", "POST", path, DoneView, CompletionRequest(reference=reference)))

    def cancel_withdrawal(self, account: str, transfer_id: str, reason: str) -> DoneView:
        """Release the funds of a withdrawal that was not paid out."""
        path = _account(account, "withdrawals", transfer_id, "cancel")
        return self.send(Call("command", "POST", path, DoneView, CancellationRequest(reason=reason)))

    def transfer(self, transfer: TransferRequest) -> DoneView:
        """Move available funds to another account, once for each client transfer id."""
        return self.send(Call("command", "POST", "/v1/transfers", DoneView, transfer))

    def adjust(self, account: str, adjustment: AdjustmentRequest) -> DoneView:
        """Correct what an account has, once for each client transfer id."""
        return self.send(Call("command", "POST", _account(account, "adjustments"), DoneView, adjustment))

    def set_limits(self, account: str, limits: AccountLimitsRequest) -> DoneView:
        """Replace all limits of an account."""
        return self.send(Call("command", "PUT", _account(account, "limits"), DoneView, limits))

    def set_fees(self, account: str, fees: AccountFeesRequest) -> DoneView:
        """Agree on fees for the orders the account places from now on."""
        return self.send(Call("command", "PUT", _account(account, "fees"), DoneView, fees))

    def set_group(self, account: str, group: str | None) -> DoneView:
        """Say whom else the account's owner trades as."""
        body = AccountGroupRequest(group=group)
        return self.send(Call("command", "PUT", _account(account, "group"), DoneView, body))

    def set_account_status(self, account: str, status: AccountStatusRequest) -> DoneView:
        """Restrict or release an account."""
        return self.send(Call("command", "PUT", _account(account, "status"), DoneView, status))

    def kill_switch(self, account: str, request: KillSwitchRequest | None = None) -> DoneView:
        """Cancel all orders of the account and take no new ones, until the venue releases it."""
        body = request or KillSwitchRequest()
        return self.send(Call("command", "POST", _account(account, "kill-switch"), DoneView, body))

    # --- Markets and the venue ------------------------------------------------------------------------------

    def list_market(self, market: ListMarketRequest) -> DoneView:
        """List a market; listing it again with the same rules changes nothing."""
        return self.send(Call("command", "POST", "/v1/markets", DoneView, market))

    def change_rules(self, symbol: str, rules: MarketRulesRequest) -> DoneView:
        """Change the rules that are named."""
        return self.send(Call("command", "PATCH", _market(symbol, "rules"), DoneView, rules))

    def set_market_status(self, symbol: str, status: MarketStatusRequest) -> DoneView:
        """Open, restrict, halt or close a market."""
        return self.send(Call("command", "PUT", _market(symbol, "status"), DoneView, status))

    def set_mark_price(self, symbol: str, price: MarkPriceRequest) -> DoneView:
        """Set what the market is held to be worth."""
        return self.send(Call("command", "PUT", _market(symbol, "mark-price"), DoneView, price))

    def delist_market(self, symbol: str) -> DoneView:
        """Take a closed market off the list. Not sent again when its answer is lost."""
        return self.send(Call("command", "DELETE", _market(symbol), DoneView, repeatable=False))

    def bust_trade(self, symbol: str, trade_id: int, request: BustTradeRequest) -> DoneView:
        """Take a trade back, with all it moved."""
        path = _market(symbol, "trades", trade_id, "bust")
        return self.send(Call("command", "POST", path, DoneView, request))

    def correct_trade(self, symbol: str, trade_id: int, request: CorrectTradeRequest) -> DoneView:
        """Make a trade count at another price."""
        path = _market(symbol, "trades", trade_id, "correct")
        return self.send(Call("command", "POST", path, DoneView, request))

    def set_venue_status(self, status: VenueStatusRequest) -> DoneView:
        """Open, restrict or halt all markets at once."""
        return self.send(Call("command", "PUT", "/v1/venue/status", DoneView, status))


def _account(account: str, *more: str) -> str:
    return path_of("accounts", account, *more)


def _market(symbol: str, *more: str | int) -> str:
    return path_of("markets", symbol, *more)
