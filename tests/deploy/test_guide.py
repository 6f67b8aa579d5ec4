"""What the deployment guide says is what is there."""

import re
from decimal import Decimal

import pytest

from stack.cost import Prices, bill
from stack.settings import CHECKOUT

GUIDE = CHECKOUT / "docs" / "DEPLOYMENT_GUIDE.md"
TEXT = GUIDE.read_text()
FILE = re.compile(r"`((?:terraform|helm|docs|stack)/[\w./-]+)`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", sorted(set(FILE.findall(TEXT))))
def test_the_files_it_shows_are_there(name: str) -> None:
    assert (CHECKOUT / name).exists()


@pytest.mark.parametrize("link", sorted(set(LINK.findall(TEXT))))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (GUIDE.parent / link).exists()


@pytest.mark.parametrize("environment", ["small", "dev", "prod"])
def test_what_a_day_costs_is_what_is_counted(environment: str) -> None:
    month = sum((line.usd for line in bill(environment, Prices.load())), Decimal())
    said = re.findall(r"([\d.]+) dollars \*\*a day\*\*|`dev` costs ([\d.]+) and `prod` ([\d.]+) a day", TEXT)
    small, (dev, prod) = said[0][0], said[1][1:]
    assert abs(Decimal({"small": small, "dev": dev, "prod": prod}[environment]) - month / 30) < 1
