"""What the OpenAPI document says of every route beyond what its signature tells: errors as problem details,
the headers of freshness, the formats of lists, and examples of what is in a path.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from litestar import Litestar, Request
from litestar.openapi.spec import (
    Example,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from api.problems import PROBLEMS
from api.query.freshness import AS_OF_HEADER, LAG_HEADER, SEQ_HEADER
from api.query.listing import CSV, PARQUET
from api.query.times import wrong

ABOUT = """\
What became of orders, what accounts have, what was traded: read from projections of the event store.

* Amounts and prices are decimal strings, never floats; times are UTC, RFC 3339; days are UTC days.
* Traders read their own accounts; who else reads what: docs/permissions.md. Another's order is answered as
  one that there is not.
* Lists have a `next_cursor`: send it as `cursor`, and leave all else as it was. What was there when the first
  page was read is neither missed nor told twice, whatever is written meanwhile. A page may have fewer entries
  than its limit, even none, and still not be the last: only `next_cursor: null` says so.
* Lists also come as CSV and Parquet (`Accept` or `format`), whole, as a stream that ends when you hang up.
  In Parquet amounts are `decimal128(38, 18)`, exact; times are timestamps in microseconds, UTC.
* Each answer says how fresh it is: `OMS-Seq`, `OMS-As-Of`, `OMS-Lag-Ms`. To read your own write, send the
  token of its answer as `after` or `OMS-Read-After`.
* Errors are problem details (RFC 9457) with a stable `code`, what was wrong with which value, and what to
  do.
"""

HEADERS = {
    SEQ_HEADER: ("The last event seen of each shard, as shard:seq.", "0:1243"),
    AS_OF_HEADER: ("When the latest of these happened.", "2026-01-31T12:00:00.000001Z"),
    LAG_HEADER: ("All that was published longer ago than so many milliseconds is in the answer.", "180"),
}
IN_PATH = {
    "account": "alice",
    "symbol": "BTC-USD",
    "order_id": "00000000-0000-5000-8000-000000000000",
    "list_id": "00000000-0000-5000-8000-000000000000",
}
PROBLEM = "Problem"
STATUSES = {
    "400": ("The question makes no sense, or asks for too much.", "invalid_request"),
    "401": ("There is no valid token.", "not_authenticated"),
    "403": ("The token does not allow that.", "not_allowed"),
    "404": ("There is no such thing.", "not_found"),
    "503": ("Not yet: see Retry-After.", "not_yet_visible"),
}
OPEN = "health"  # the one route without a token


def only_known_parameters(request: Request[Any, Any, Any]) -> None:
    """Refuse a parameter that the route does not take: somebody misspelled a filter, and would be told more
    than was asked for. Raises ``Problem`` (400).
    """
    known = request.app.state.query_names.get(request.route_handler.operation_id)
    if known is not None and (unknown := sorted(set(request.query_params) - known)):
        takes = ", ".join(sorted(known)) or "none"
        raise wrong(f"unknown parameter {unknown[0][:80]!r}; this route takes: {takes}")


def describe(app: Litestar) -> None:
    """Complete the document that the application serves, and keep which parameters each route takes."""
    document = app.openapi_schema
    app.state.query_names = {
        item.get.operation_id: {each.name for each in _parameters(item.get) if each.param_in == "query"}
        for item in (document.paths or {}).values()
        if item.get is not None
    }
    if document.components.schemas is not None:
        document.components.schemas[PROBLEM] = _problem_schema()
    for path, item in (document.paths or {}).items():
        if item.get is not None:
            _complete(path, item.get)


def _complete(path: str, operation: Operation) -> None:
    responses = cast("dict[str, OpenAPIResponse]", operation.responses)
    responses.pop("400", None)
    if operation.operation_id == OPEN:
        operation.security = [{}]
        responses["503"] = _problem("503")
        return
    responses["200"].headers = {name: _header(*told) for name, told in HEADERS.items()}
    for status in _statuses(path):
        responses[status] = _problem(status)
    parameters = list(_parameters(operation))
    for parameter in parameters:
        if isinstance(parameter.schema, Schema):
            parameter.schema = _never_null(parameter.schema)
        if parameter.param_in == "path":
            parameter.examples = {"one": Example(value=IN_PATH.get(parameter.name, "x"))}
    if any(parameter.name == "format" for parameter in parameters):
        _as_tables(responses["200"])


def _statuses(path: str) -> Iterator[str]:
    yield from ("400", "401", "403", "503")
    if "{" in path or path.startswith("/v1/ledger/entries"):
        yield "404"


def _parameters(operation: Operation) -> Iterator[Parameter]:
    for parameter in operation.parameters or ():
        if isinstance(parameter, Parameter):
            yield parameter


def _never_null(schema: Schema) -> Schema:
    """Return the schema of a parameter that may be left out: what stands in an address is never ``null``."""
    if isinstance(schema.type, list):
        left = [kind for kind in schema.type if kind is not OpenAPIType.NULL]
        values = None if schema.enum is None else [value for value in schema.enum if value is not None]
        return replace(schema, type=left[0], enum=values)
    if not schema.one_of:
        return schema
    (only,) = (each for each in schema.one_of if not _is_null(each))
    if isinstance(only, Reference):
        return replace(schema, one_of=[only])
    own = {name: value for name in CONSTRAINTS if (value := getattr(schema, name)) is not None}
    return replace(only, **own)


def _is_null(schema: Schema | Reference) -> bool:
    return isinstance(schema, Schema) and schema.type is OpenAPIType.NULL


CONSTRAINTS = (
    "format",
    "pattern",
    "min_length",
    "max_length",
    "min_items",
    "max_items",
    "description",
    "examples",
)


def _as_tables(response: OpenAPIResponse) -> None:
    file = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
    response.content = {**(response.content or {}), CSV: file, PARQUET: file}
    response.headers = {
        **(response.headers or {}),
        "OMS-Rows-Max": _header("Of orders of all accounts: about how many rows it has at most.", "200000"),
    }


def _header(description: str, example: str) -> OpenAPIHeader:
    return OpenAPIHeader(schema=Schema(type=OpenAPIType.STRING), description=description, example=example)


def _problem(status: str) -> OpenAPIResponse:
    description, code = STATUSES[status]
    reason = PROBLEMS[code]
    example: dict[str, Any] = {
        "status": int(status),
        "type": f"/docs/problems#{code}",
        "title": reason.meaning,
        "detail": "what was wrong, with which value",
        "code": code,
        "remedy": reason.remedy,
    }
    schema = Reference(ref=f"#/components/schemas/{PROBLEM}")
    content = {"application/problem+json": OpenAPIMediaType(schema=schema, example=example)}
    headers: dict[str, OpenAPIHeader | Reference] = {}
    if status == "503":
        headers["Retry-After"] = _header("Seconds after which to ask again.", "1")
    if status == "401":
        headers["WWW-Authenticate"] = _header("How to say who you are.", "Bearer")
    return OpenAPIResponse(description=description, headers=headers, content=content)


def _problem_schema() -> Schema:
    text = Schema(type=OpenAPIType.STRING)
    return Schema(
        type=OpenAPIType.OBJECT,
        title=PROBLEM,
        description="An error (RFC 9457): `code` is stable; `remedy` says what to do.",
        required=["status", "type", "title", "detail", "code", "remedy"],
        properties={
            "status": Schema(type=OpenAPIType.INTEGER),
            **dict.fromkeys(("type", "title", "detail", "code", "remedy"), text),
        },
    )
