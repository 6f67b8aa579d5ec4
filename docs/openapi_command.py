"""Writes docs/openapi-command.yaml, the command API's contract: `python docs/openapi_command.py`."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from api.command.app import CommandApiConfig, create_app
from docs.asyncapi import dumped

PAGE = Path(__file__).with_name("openapi-command.yaml")


def document() -> dict[str, Any]:
    """Return the document as the API serves it; nothing is connected to make it."""
    secret = "a secret that signs nothing at all here"  # noqa: S105 - nor opens anything
    config = CommandApiConfig("127.0.0.1:1", "redis://127.0.0.1:1/0", secret, 1_000, 1_000)
    return create_app(config).openapi_schema.to_schema()


def as_text() -> str:
    return dumped(document())


if __name__ == "__main__":
    PAGE.write_text(as_text())
