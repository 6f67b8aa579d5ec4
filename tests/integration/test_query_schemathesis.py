"""The query API does what its OpenAPI document says: schemathesis asks a real server all that the document
allows, and much that it forbids, and holds each answer against it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode

from docs import openapi_query
from stack.running import Stack
from tests.integration.serving import served
from tests.integration.test_query_api import token, written
from tests.unit.projections.trading import trading

EXAMPLES_MAX = 15  # of each route, so that all of them take about a minute
ANSWER_S_MAX = 10


@pytest.fixture(scope="module")
def address(servers: Stack) -> Iterator[str]:
    venue = trading(150, seed=4, money_moves=True)
    with written(servers, venue) as config, served(config) as address:
        yield address


schema = schemathesis.openapi.from_dict(openapi_query.document())


@schema.parametrize()
@settings(
    max_examples=EXAMPLES_MAX,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_foresees(case: Case[Any], address: str) -> None:
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        make_sense_of(case)
    case.call_and_validate(base_url=address, headers=token("analyst"), timeout=ANSWER_S_MAX)


def make_sense_of(case: Case[Any]) -> None:
    """Mend what a schema cannot say: a cursor is one that the API gave, and a time ends after it began."""
    query = case.query
    if isinstance(query, dict):
        query.pop("cursor", None)
        if "from" in query and "to" in query:
            query["from"], query["to"] = sorted((query["from"], query["to"]))
