"""The command API does what its OpenAPI document says: schemathesis asks a real stack all that the document
allows, and much that it forbids, and holds each answer against it.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    negative_data_rejection,
    positive_data_acceptance,
)

from api.auth import mint_token
from api.command import examples
from docs import openapi_command
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import Settings
from tests.staff import STAFF

EXAMPLES_MAX = 4  # of each route, so that all of them take less than a minute
ANSWER_S_MAX = 30
PATIENCE_S = 60

NOT_ASKED: list[Any] = [
    positive_data_acceptance,  # an order of an account that is not open has the right form, and is refused
    negative_data_rejection,  # the framework reads 0 as false and "1" as 1; forms of ours: tests/e2e
    allow_header_conformance,  # the framework names OPTIONS, which no document does
]
schema = schemathesis.openapi.from_dict(openapi_command.document())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack_settings = Settings.with_free_ports(tmp_path_factory.mktemp("command-schemathesis"))
    with running_stack(stack_settings, ["order-processor", "command-api"]) as running:
        yield running


@pytest.fixture(scope="module")
def headers(stack: Stack) -> dict[str, str]:
    token = mint_token(stack.settings.token_secret, "tester", **STAFF)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def address(stack: Stack, headers: dict[str, str]) -> str:
    """Of an API that has a market and two accounts with funds."""
    address = f"http://{HOST}:{stack.settings.command_api_port}"
    with httpx.Client(base_url=address, headers=headers, timeout=PATIENCE_S) as client:
        for each in examples.MONEY_IN:
            key = {"Idempotency-Key": each.key} if each.key else {}
            client.request(each.method, each.path, json=each.body, headers=key).raise_for_status()
    return address


def test_the_document_is_valid() -> None:
    schema.validate()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES_MAX,
    derandomize=True,  # the same questions in every run: a new one is asked when the document changes
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_every_answer_is_one_that_the_document_foresees(
    case: Case[Any], address: str, headers: dict[str, str]
) -> None:
    case.call_and_validate(base_url=address, headers=headers, timeout=ANSWER_S_MAX, excluded_checks=NOT_ASKED)
