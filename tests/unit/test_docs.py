"""What the documents say of the code is what the code says."""

import re
from pathlib import Path

from docs import asyncapi, asyncapi_market_data, openapi_query
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


def test_links_between_documents_lead_somewhere() -> None:
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(CHECKOUT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
