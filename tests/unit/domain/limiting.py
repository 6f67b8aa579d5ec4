"""Accounts with limits and positions, for stories."""

from typing import Any

from domain.account import LimitsRequest, SetAccountLimits
from tests.unit.domain.story import Step, Story, funded, resting
from tests.unit.domain.wishes import buy, sell


def limits(account: str, **asked: Any) -> SetAccountLimits:
    return SetAccountLimits(
        command_id=f"limit-{account}", actor="risk-desk", account=account, limits=LimitsRequest(**asked)
    )


def limited(account: str, **asked: Any) -> Step:
    def step(story: Story) -> None:
        assert story.handle(limits(account, **asked))

    return step


def rich(account: str) -> Step:
    return funded(account, USD="1000000", BTC="1000")


def holding(account: str, quantity: int, price: int) -> Step:
    """The account has bought (or, negative, sold) that much from a stranger."""

    def step(story: Story) -> None:
        first, then = (sell, buy) if quantity > 0 else (buy, sell)
        story.transfers += 1
        stranger = f"stranger-{story.transfers}"
        resting(first(stranger, abs(quantity), at=price))(story)
        story.handle(then(account, abs(quantity), at=price, name=f"{account}-{story.transfers}"))

    return step
