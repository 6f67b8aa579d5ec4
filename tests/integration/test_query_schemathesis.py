"""The query API does what its OpenAPI document says: schemathesis asks a real server all that the document
allows, and much that it forbids, and holds each answer against it.
"""

from collections.abc import Iterator
from re import fullmatch
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from api.problems import Problem
from api.query.controllers import PLACES
from api.query.times import days_of, span_of
from docs import openapi_query
from stack.running import Stack
from streams.compare import heads
from streams.progress import write_token
from tests.integration.serving import served
from tests.integration.test_query_api import PARTITIONS, token, written
from tests.unit.projections.trading import trading

EXAMPLES_MAX = 15  # of each route, so that all of them take about a minute
ANSWER_S_MAX = 10

VENUE = trading(150, seed=4, money_moves=True)
TOKEN = write_token(heads(VENUE.events, PARTITIONS))


@pytest.fixture(scope="module")
def address(servers: Stack) -> Iterator[str]:
    with written(servers, VENUE) as config, served(config) as address:
        yield address


# An auditor's routes want an event store behind them and another role: test_audit_time_machine.py asks them.
# Those of the risk desk want its record: test_risk.py asks them.
# Those of the risk desk want its record: test_risk.py asks them.
schema = schemathesis.openapi.from_dict(openapi_query.document()).exclude(path_regex="^/v1/(audit|risk)/")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES_MAX,
    derandomize=True,  # the same questions in every run: a new one is asked when the document changes
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_foresees(case: Case[Any], address: str) -> None:
    positive = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    with_real_token(case, positive=positive)
    if positive:
        make_sense_of(case)
    beside: list[Any] = [negative_data_rejection] if reads_as_text(case) else []
    case.call_and_validate(
        base_url=address, headers=token("analyst"), timeout=ANSWER_S_MAX, excluded_checks=beside
    )


def reads_as_text(case: Case[Any]) -> bool:
    """Tell whether accounts are named by what is no text: in an address, ``null`` and numbers are texts
    like any other, so that an account of that name is asked for, and nothing is there to be refused.
    """
    accounts = (case.query or {}).get("account", ())
    named = accounts if isinstance(accounts, list) else [accounts] if accounts != () else []
    return any(not isinstance(name, str) for name in named)


def with_real_token(case: Case[Any], *, positive: bool) -> None:
    """Name what was written, where something else is named in the same form: that never becomes visible. In a
    positive case a header is sometimes not of its form: one that schemathesis varied for a case before.
    """
    for given, name in ((case.query, "after"), (case.headers, "OMS-Read-After")):
        if given and name in given and (positive or fullmatch(PLACES, str(given[name]))):
            given[name] = TOKEN


def make_sense_of(case: Case[Any]) -> None:
    """Mend what a schema cannot say: a cursor is one that the API gave, a time ends after it began,
    orders are summed up for 31 days at most, an equity curve has 2,000 steps at most, and candles of seconds
    are kept for one day."""
    query = case.query
    if isinstance(query, dict):
        query.pop("cursor", None)
        seconds = case.path.endswith("/candles") and query.get("interval") == "1s"
        if seconds or case.path.endswith("/equity"):
            query.pop("from", None)
        if "from" in query and "to" in query:
            with_order(query)
            if case.path == "/v1/analytics/orders":
                query["to"] = query["from"]


def with_order(query: dict[str, Any]) -> None:
    """Exchange the two where the second comes first, whatever their offsets from UTC."""
    between = span_of if "T" in str(query["from"]).upper() else days_of
    try:
        between(query["from"], query["to"])
    except Problem:
        query["from"], query["to"] = query["to"], query["from"]
