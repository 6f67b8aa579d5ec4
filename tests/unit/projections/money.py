"""What happens to money between trades: some of every kind of transfer, some withdrawals still under way."""

from collections.abc import Sequence

from commands.messages import AnyCommand
from tests.unit.domain.transfer_wishes import (
    adjust,
    cancel_withdrawal,
    complete_withdrawal,
    move,
    request_withdrawal,
    set_fees,
    set_group,
)


def money(accounts: Sequence[str], symbols: Sequence[str], name: str) -> list[AnyCommand]:
    """Return commands of all kinds, each under names that begin with ``name``."""
    first, second = accounts[0], accounts[-1]
    base, quote = symbols[0].split("-")
    return [
        request_withdrawal(first, "1.5", base, name=f"{name}-paid"),
        request_withdrawal(first, "2.25", quote, name=f"{name}-open"),
        request_withdrawal(second, "3", quote, name=f"{name}-called-off"),
        complete_withdrawal(first, name=f"{name}-paid", reference=f"tx-{name}"),
        cancel_withdrawal(second, name=f"{name}-called-off", reason="no such address"),
        move(first, second, "7", quote, name=f"{name}-moved"),
        adjust(second, "credit", "0.5", base, name=f"{name}-given"),
        adjust(first, "debit", "0.25", quote, name=f"{name}-taken"),
        set_fees(first, 1, 2),
        set_group(second, "desk"),
    ]
