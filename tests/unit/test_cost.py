"""The monthly bill: its lines counted by hand, its budgets, and the page that shows it."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from docs import cost as page
from stack import cost
from stack.cost import ENVIRONMENTS, Prices, UnknownPriceError, bill, sizes_of, total

PRICES = Prices.load()


def usd(environment: str, component: str) -> Decimal:
    return next(line.usd for line in bill(environment, PRICES) if line.component == component)


def test_brokers_and_their_disks_are_counted() -> None:
    # 2 brokers x (0.21 an hour x 730 hours + 50 GiB x 0.10)
    assert usd("dev", "MSK") == Decimal("316.60")


def test_a_second_zone_doubles_the_event_store() -> None:
    # 2 x (0.168 x 730 + 400 GiB x 0.115)
    assert usd("prod", "PostgreSQL") == Decimal("337.28")


def test_spot_nodes_cost_their_share() -> None:
    # 2 x 0.0832 x 730 x 0.4 + 2 x 30 GiB x 0.08
    assert usd("dev", "EC2") == Decimal("53.39")


def test_endpoints_are_paid_only_where_they_are() -> None:
    names = {line.component for line in bill("dev", PRICES)}
    assert "Private endpoints" not in names
    assert usd("prod", "Private endpoints") == Decimal("153.30")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_budget_has_room_for_the_bill_and_not_much_more(environment: str) -> None:
    budget, month = sizes_of(environment)["budget_usd"], total(bill(environment, PRICES))
    assert month < budget < month * Decimal("1.3")


def test_a_size_without_a_price_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sizes = sizes_of("dev")
    sizes["cache"]["node_type"] = "cache.r7g.huge"
    folder = tmp_path / "environments" / "dev"
    folder.mkdir(parents=True)
    (folder / "sizes.json").write_text(json.dumps(sizes))
    monkeypatch.setattr(cost, "TERRAFORM", tmp_path)
    with pytest.raises(UnknownPriceError, match=r"elasticache_hour has no price of 'cache\.r7g\.huge'"):
        bill("dev", PRICES)


def test_the_page_is_the_codes() -> None:
    assert page.PAGE.read_text() == page.page(PRICES), "write it anew: python docs/cost.py"
