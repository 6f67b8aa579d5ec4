"""The examples in docs/asyncapi.yaml are what their own schemas, and the code, take."""

from typing import Any, get_args

import jsonschema_rs
import msgspec
import pytest

from api.command import frames
from commands.messages import decode_commands
from docs import asyncapi, asyncapi_topics
from docs.asyncapi_examples import EXAMPLES
from streams import prices

DOCUMENT = asyncapi.document()
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]


@pytest.mark.parametrize("name", MESSAGES)
def test_an_example_fits_its_schema(name: str) -> None:
    message = MESSAGES[name]
    schema = {**message["payload"], "components": DOCUMENT["components"]}
    (example,) = message["examples"]
    jsonschema_rs.validate(schema, example["payload"])


def test_every_item_of_the_websocket_is_one_that_the_server_reads() -> None:
    for kind in get_args(frames.Item):
        text = msgspec.json.encode(EXAMPLES[kind.__name__])
        (item,) = frames.decode_frame(text, 10_000, 1)
        assert type(item) is kind


def test_every_reference_leads_somewhere() -> None:
    def look(part: Any) -> None:
        if isinstance(part, dict):
            if "$ref" in part:
                found: Any = DOCUMENT
                for step in part["$ref"].removeprefix("#/").split("/"):
                    found = found[step]
            for each in part.values():
                look(each)
        elif isinstance(part, list):
            for each in part:
                look(each)

    look(DOCUMENT)


def test_records_of_the_topics_are_read_back() -> None:
    assert [each.command for each in decode_commands(asyncapi_topics.EXAMPLES["CommandBatch"])] == [
        asyncapi_topics.COMMAND
    ]
    assert prices.decode(asyncapi_topics.EXAMPLES["PriceTicks"]) == [asyncapi_topics.TICK]
