"""Writes terraform/COST.md from the sizes and the prices: `python docs/cost.py`."""

import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stack.cost import CUSTOMERS_DEV, CUSTOMERS_PROD, ENVIRONMENTS, TERRAFORM, Line, Prices, bill, total

PAGE = TERRAFORM / "COST.md"

HEAD = """# What it costs

US dollars a month, computed from `environments/*/sizes.json` (what Terraform builds) and
[`prices.json`](prices.json) (AWS's prices) by `./oms cost small|dev|prod`, which also prints how each line is
counted. This page is written by `python docs/cost.py`; a test compares.

**Nothing of this was ever billed:** the prices were copied by hand ({as_of}, {region}, on demand), and what
depends on use (traffic, logs, I/O) is an assumption that each line states. Before a decision rests on it,
compare at calculator.aws; after the first week, compare with Cost Explorer, by the tag `Environment`.
"""

LESS = """## Three ways to pay less

1. **Stop dev at night and on weekends.** Nodes, DocumentDB and PostgreSQL are {dev_stoppable:,.0f} dollars
   of dev's {dev:,.0f}. Node groups go to 0, `aws docdb stop-db-cluster` and `aws rds stop-db-instance` stop
   the stores for up to seven days, with all their data. MSK cannot be stopped. 50 of 168 hours a week cost a
   third.
2. **Smaller brokers in dev.** `kafka.t3.small` instead of `kafka.m5.large` saves {smaller_brokers:,.0f}
   dollars a month: that is what `small` has.
3. **Commit to what runs anyway in prod.** One year without upfront payment takes about 30 % off EC2 (Compute
   Savings Plan), RDS, DocumentDB and ElastiCache (reserved): of {prod_reservable:,.0f} dollars a month about
   {prod_saved:,.0f}. MSK has no such offer.
"""

AGAINST = """## Against the customer's figures

| dev | customer | here |
|---|---:|---:|
{rows}
| **together** | **{theirs:,.0f}** | **{ours:,.2f}** |

Not in the customer's list: {beyond}.
The event store (PostgreSQL) is what the design adds: the truth has to live somewhere that loses nothing, and
neither Kafka nor DocumentDB is that place. One t3.medium (30 dollars) does not hold all services: dev has two
t3.large, spot.

prod: the customer expects {low:,} to {high:,}; here it is {prod:,.0f}. It comes into that range without
private endpoints ({endpoints:,.0f}: AWS's APIs are then reached through NAT) and with the third way below.
"""


def page(prices: Prices) -> str:
    bills = {environment: bill(environment, prices) for environment in ENVIRONMENTS}
    head = HEAD.format(as_of=prices.table["as_of"], region=prices.table["region"])
    return "\n".join([head, table(bills), against_customer(bills), less(bills)])


def table(bills: dict[str, list[Line]]) -> str:
    names = {line.component: None for lines in reversed(bills.values()) for line in lines}
    rows = [row(name, [usd(lines, name) for lines in bills.values()]) for name in names]
    sums = " | ".join(f"**{total(lines):,.2f}**" for lines in bills.values())
    head = ["## By component", "", f"| | {' | '.join(bills)} |", f"|---|{'---:|' * len(bills)}"]
    return "\n".join([*head, *rows, f"| **a month** | {sums} |", ""])


def row(name: str, amounts: list[Decimal]) -> str:
    return f"| {name} | {' | '.join(f'{amount:,.2f}' if amount else '' for amount in amounts)} |"


def against_customer(bills: dict[str, list[Line]]) -> str:
    dev = bills["dev"]
    low, high = CUSTOMERS_PROD
    rows = [f"| {name} | {amount:,.0f} | {usd(dev, name):,.2f} |" for name, amount in CUSTOMERS_DEV.items()]
    beyond = [f"{line.component} {line.usd:,.2f}" for line in dev if line.component not in CUSTOMERS_DEV]
    return AGAINST.format(
        rows="\n".join(rows),
        theirs=sum(CUSTOMERS_DEV.values()),
        ours=sum((usd(dev, name) for name in CUSTOMERS_DEV), Decimal(0)),
        beyond="; ".join(beyond),
        low=low,
        high=high,
        prod=total(bills["prod"]),
        endpoints=usd(bills["prod"], "Private endpoints"),
    )


def less(bills: dict[str, list[Line]]) -> str:
    dev, prod = bills["dev"], bills["prod"]
    reservable = sum(
        (usd(prod, name) for name in ("EC2", "PostgreSQL", "DocumentDB", "ElastiCache")), Decimal(0)
    )
    return LESS.format(
        dev=total(dev),
        dev_stoppable=sum((usd(dev, name) for name in ("EC2", "PostgreSQL", "DocumentDB")), Decimal(0)),
        smaller_brokers=usd(dev, "MSK") - usd(bills["small"], "MSK"),
        prod_reservable=reservable,
        prod_saved=reservable * Decimal("0.3"),
    )


def usd(lines: list[Line], component: str) -> Decimal:
    return next((line.usd for line in lines if line.component == component), Decimal(0))


if __name__ == "__main__":
    PAGE.write_text(page(Prices.load()))
