"""What the OpenAPI document says of every route beyond what its signature tells: errors as problem details,
the Idempotency-Key, who may do it, and examples.
"""

from typing import Any, cast

from litestar import Litestar
from litestar.openapi.spec import (
    Example,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType

from api.command import examples
from api.command.idempotency import HEADER
from api.command.schemas import CLIENT_ID_PATTERN
from api.problems import PROBLEMS

ABOUT = """\
Orders, money and the venue's controls. Each request becomes a command in the log; the answer says what became
of it.

* Amounts and prices are decimal strings, never floats; times are RFC 3339 with an offset.
* `answer=ack` answers when the log has the command for good (202), `result` with the outcome, `full` with its
  fills as well. An outcome that does not come in time is 202 and `pending`: it will be decided; query it.
* The same client id again is the same order, list or transfer, for ever: it is answered as the first time,
  with `Idempotent-Replayed: true`; with other content it is refused (422, `id_reused`). Every POST also takes
  an `Idempotency-Key`, see docs/commands.md.
* A `token` in an answer, given to the query API as `after`, reads back what the command wrote.
* `X-Correlation-ID` (64 characters at most) is kept with the events the request causes.
* Errors are problem details (RFC 9457) with a stable `code`, what was wrong with which value, and what to do.
"""
PROBLEM = "Problem"
OPEN = "health"  # the one route without a token
STATUSES = {
    "400": ("The request is not one this API takes.", "invalid_request"),
    "401": ("There is no valid token.", "not_authenticated"),
    "403": ("The token does not allow that.", "not_allowed"),
    "404": ("There is no such thing.", "not_found"),
    "409": ("It does not fit what there is now; or the same request is under way.", "order_not_open"),
    "413": ("The request is too large.", "too_large"),
    "415": ("The body is not JSON.", "unsupported_media_type"),
    "422": ("It was refused or rejected: `code` says why.", "insufficient_funds"),
    "429": ("Too many requests: see Retry-After.", "overloaded"),
    "500": ("A defect; nothing happened.", "internal_error"),
    "503": ("Not taken: see Retry-After.", "overloaded"),
}
IN_PATH: dict[str, Any] = {
    "account": "alice",
    "symbol": "BTC-USD",
    "order_id": examples.order("my-order-1"),
    "list_id": examples.LIST,
    "transfer": examples.transfer("out-1"),
    "trade_id": 1,
    "request_id": examples.REQUEST,
    "alert_id": examples.REQUEST[:24],
}


def describe(app: Litestar) -> None:
    """Complete the document that the application serves."""
    document = app.openapi_schema
    for scheme in (document.components.security_schemes or {}).values():
        if isinstance(scheme, SecurityScheme):
            scheme.name = None  # only an API key has one: with it the document is not valid
    if document.components.schemas is not None:
        document.components.schemas[PROBLEM] = _problem_schema()
        for name, schema in document.components.schemas.items():
            if name.endswith(("Request", "Item")) and isinstance(schema, Schema):
                schema.additional_properties = False
    for item in (document.paths or {}).values():
        for method in ("get", "post", "put", "patch", "delete"):
            operation = getattr(item, method)
            if operation is not None:
                _complete(method, operation)


def _complete(method: str, operation: Operation) -> None:
    responses = cast("dict[str, OpenAPIResponse]", operation.responses)
    if operation.operation_id == OPEN:
        operation.security = [{}]
        return
    responses.pop("400", None)
    good = next(status for status in responses if status.startswith("2"))
    _show_answer(responses[good])
    responses["202"] = OpenAPIResponse(
        description="It is in the log, and not decided yet.", content=responses[good].content
    )
    for status in STATUSES:
        if operation.request_body is not None or status not in {"413", "415"}:
            responses[status] = _problem(status)
    for parameter in _parameters(operation):
        _complete_parameter(parameter)
    if method == "post":
        operation.parameters = [*(operation.parameters or []), _key_parameter()]
    if operation.request_body is not None:
        _show_body(str(operation.operation_id), cast("RequestBody", operation.request_body))


def _show_answer(response: OpenAPIResponse) -> None:
    response.headers = {
        "Idempotent-Replayed": _header("It had been decided before: this is the first outcome again.", "true")
    }
    for media in (response.content or {}).values():
        if isinstance(media.schema, Reference):
            name = media.schema.ref.rpartition("/")[-1].rpartition("_")[-1]
            media.examples = {"one": Example(value=examples.ANSWERS[name])}


def _show_body(operation: str, body: RequestBody) -> None:
    own = [each for each in (*examples.STORY, *examples.DECIDED) if each.operation == operation]
    for media in body.content.values():
        media.examples = {f"example-{number}": Example(value=each.body) for number, each in enumerate(own, 1)}


def _parameters(operation: Operation) -> list[Parameter]:
    return [each for each in operation.parameters or () if isinstance(each, Parameter)]


def _complete_parameter(parameter: Parameter) -> None:
    if isinstance(parameter.schema, Schema):
        parameter.schema = _never_null(parameter.schema)
    if parameter.name in IN_PATH:
        parameter.examples = {"one": Example(value=IN_PATH[parameter.name])}


def _never_null(schema: Schema) -> Schema:
    """Return the schema of a parameter that may be left out: what stands in an address is never ``null``."""
    kinds = [kind for kind in schema.one_of or () if not _is_null(kind)]
    if len(kinds) != 1:
        return _without_null(schema)
    (only,) = kinds
    if isinstance(only, Reference):
        return Schema(one_of=[only])
    only.pattern = only.pattern or schema.pattern
    return _without_null(only)


def _without_null(schema: Schema) -> Schema:
    if isinstance(schema.type, list):
        schema.type = next(kind for kind in schema.type if kind is not OpenAPIType.NULL)
    if schema.enum is not None:
        schema.enum = [value for value in schema.enum if value is not None]
    return schema


def _is_null(schema: Schema | Reference) -> bool:
    return isinstance(schema, Schema) and schema.type is OpenAPIType.NULL


def _key_parameter() -> Parameter:
    return Parameter(
        name=HEADER,
        param_in="header",
        required=False,
        schema=Schema(type=OpenAPIType.STRING, pattern=CLIENT_ID_PATTERN),
        description=(
            "The same key again is the same request: it is answered as the first time, and done once. It "
            "stands for the client's own id where the body leaves that out; without either: 400."
        ),
        examples={"one": Example(value="8e03978e-40d5-43dd-bc93-6894a57f9324")},
    )


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
    if status in {"429", "503"}:
        headers["Retry-After"] = _header("Seconds after which to send it again.", "1")
    if status == "401":
        headers["WWW-Authenticate"] = _header("How to say who you are.", "Bearer")
    return OpenAPIResponse(description=description, headers=headers, content=content)


def _problem_schema() -> Schema:
    text = Schema(type=OpenAPIType.STRING)
    maybe = Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL])
    return Schema(
        type=OpenAPIType.OBJECT,
        title=PROBLEM,
        description="An error (RFC 9457): `code` is stable; `remedy` says what to do.",
        required=["status", "type", "title", "detail", "code", "remedy"],
        properties={
            "status": Schema(type=OpenAPIType.INTEGER),
            **dict.fromkeys(("type", "title", "detail", "code", "remedy", "field", "value"), text),
            **dict.fromkeys(("command_id", "order_id", "list_id", "status_of_order", "token"), maybe),
            "replayed": Schema(type=OpenAPIType.BOOLEAN),
        },
    )
