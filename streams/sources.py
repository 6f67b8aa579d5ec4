"""Which topic each projection is fed from."""

from streams.topics import ACCOUNTS, EXECUTIONS

SOURCES: dict[str, str] = {
    "markets": EXECUTIONS,
    "orders": EXECUTIONS,
    "order_lists": EXECUTIONS,
    "books": EXECUTIONS,
    "trades": EXECUTIONS,
    "trade_changes": EXECUTIONS,
    "market_hours": EXECUTIONS,
    "candles": EXECUTIONS,
    "balances": ACCOUNTS,
    "positions": ACCOUNTS,
    "daily": ACCOUNTS,
    "account_hours": ACCOUNTS,
    "fills": ACCOUNTS,
    "transfers": ACCOUNTS,
    "ledger": ACCOUNTS,
    "accounts": ACCOUNTS,
    "venue": EXECUTIONS,
    "limits": ACCOUNTS,
    "activity": ACCOUNTS,
    "order_activity": EXECUTIONS,
    "book_orders": EXECUTIONS,
}
