"""What the documents say of the code is what the code says."""

import re
from pathlib import Path

from api.command import examples
from docs import (
    asyncapi,
    asyncapi_market_data,
    commands,
    openapi_command,
    openapi_query,
    permissions,
    problems,
)
from docs.rejections import PAGE, with_table

CHECKOUT = Path(__file__).parent.parent.parent


def test_the_table_of_rejections_is_the_codes() -> None:
    page = PAGE.read_text()
    assert page == with_table(page), "write it anew: python docs/rejections.py"


def test_the_contract_of_the_websocket_is_the_codes() -> None:
    assert asyncapi.PAGE.read_text() == asyncapi.as_text(), "write it anew: python docs/asyncapi.py"


def test_the_contract_of_the_market_data_streams_is_the_codes() -> None:
    page = asyncapi_market_data.PAGE.read_text()
    assert page == asyncapi_market_data.as_text(), "write it anew: python docs/asyncapi_market_data.py"


def test_the_contract_of_the_query_api_is_the_codes() -> None:
    assert openapi_query.PAGE.read_text() == openapi_query.as_text(), (
        "write it anew: python docs/openapi_query.py"
    )


def test_the_contract_of_the_command_api_is_the_codes() -> None:
    assert openapi_command.PAGE.read_text() == openapi_command.as_text(), (
        "write it anew: python docs/openapi_command.py"
    )


def test_every_operation_of_the_command_api_has_an_example() -> None:
    shown = {each.operation for each in (*examples.STORY, *examples.DECIDED)}
    assert shown == set(commands.summaries())
    assert commands.PAGE.read_text() == commands.as_text(), "write it anew: python docs/commands.py"


def test_the_page_of_problems_is_the_codes() -> None:
    assert problems.PAGE.read_text() == problems.as_text(), "write it anew: python docs/problems.py"


def test_links_between_documents_lead_somewhere() -> None:
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(CHECKOUT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_table_of_permissions_is_the_codes() -> None:
    assert permissions.PAGE.read_text() == permissions.as_text(), "write it anew: python docs/permissions.py"


def test_every_file_that_the_threat_model_names_is_there() -> None:
    page = (CHECKOUT / "docs" / "SECURITY.md").read_text()
    named = re.findall(
        r"`((?:api|commands|domain|helm|requirements|stack|streams|terraform|tests)/[^`\s]*)`", page
    )
    assert len(named) > 50
    assert [name for name in named if not (CHECKOUT / name).exists()] == []
