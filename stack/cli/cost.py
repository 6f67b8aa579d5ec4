"""`./oms cost`."""

import json
from decimal import Decimal
from typing import Annotated, Any

from typer import Argument, BadParameter, Option

from stack.cost import CUSTOMERS_DEV, CUSTOMERS_PROD, ENVIRONMENTS, LOADS, Line, Prices, bill, total


def cost(
    environment: Annotated[str, Argument(help=f"One of {', '.join(ENVIRONMENTS)}.")],
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what an environment costs on AWS a month, component by component.

    Example: ./oms cost dev
    """
    if environment not in ENVIRONMENTS:
        raise BadParameter(f"there is no environment {environment!r}; there are {', '.join(ENVIRONMENTS)}")
    prices = Prices.load()
    lines = bill(environment, prices)
    if as_json:
        print(json.dumps(as_object(environment, lines, prices), indent=2))
        return
    width = max(len(line.component) for line in lines)
    for line in lines:
        print(f"{line.component:<{width}}  {line.usd:>9,.2f}  {line.counted}")
    print(f"{'a month':<{width}}  {total(lines):>9,.2f}  US dollars, {said_of(prices)}")


def as_object(environment: str, lines: list[Line], prices: Prices) -> dict[str, Any]:
    """Return what ``--json`` prints; amounts are decimal strings."""
    compared: dict[str, Any] = {"low": str(CUSTOMERS_PROD[0]), "high": str(CUSTOMERS_PROD[1])}
    if environment != "prod":
        compared = {name: str(usd) for name, usd in CUSTOMERS_DEV.items()}
        compared["total"] = str(sum(CUSTOMERS_DEV.values()))
    return {
        "environment": environment,
        "currency": prices.table["currency"],
        "region": prices.table["region"],
        "prices_as_of": prices.table["as_of"],
        "monthly": str(total(lines)),
        "daily": str((total(lines) / 30).quantize(Decimal("0.01"))),
        "components": [
            {"name": line.component, "usd": str(line.usd), "counted": line.counted} for line in lines
        ],
        "load": {name: str(value) for name, value in vars(LOADS[environment]).items()},
        "customer_figures": compared,
    }


def said_of(prices: Prices) -> str:
    return f"on demand in {prices.table['region']}, prices of {prices.table['as_of']}"
