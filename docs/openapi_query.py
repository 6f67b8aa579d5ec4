"""Writes docs/openapi-query.yaml, the query API's contract, from the code: `python docs/openapi_query.py`."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from api.query.app import QueryConfig, create_app
from api.query.audit.desk import AuditConfig
from docs.asyncapi import dumped

PAGE = Path(__file__).with_name("openapi-query.yaml")


def document() -> dict[str, Any]:
    """Return the document as the API serves it; nothing is connected to make it."""
    secret = "a secret that signs nothing at all here"  # noqa: S105 - nor opens anything
    audit = AuditConfig("postgresql://127.0.0.1:1/none", (), 0, 0)
    config = QueryConfig("mongodb://127.0.0.1:1/", "none", secret, audit=audit)
    return create_app(config).openapi_schema.to_schema()


def as_text() -> str:
    return dumped(document())


if __name__ == "__main__":
    PAGE.write_text(as_text())
