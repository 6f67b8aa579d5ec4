"""What is refused before a route sees it: parameters nobody reads, and bodies that are not JSON."""

from http import HTTPStatus
from typing import Any

from litestar import Litestar, Request
from litestar.openapi.spec import Parameter

from api.faults import shortened
from api.problems import Problem

TAKEN_FOR_JSON = frozenset({"", "application/json", "application/x-www-form-urlencoded"})
"""The last is what curl says of whatever it is given with ``-d``."""
METHODS = ("get", "post", "put", "patch", "delete")


def note_parameters(app: Litestar) -> None:
    """Keep which parameters each route takes, by its operation."""
    operations = (
        getattr(item, name) for item in (app.openapi_schema.paths or {}).values() for name in METHODS
    )
    app.state.query_names = {
        each.operation_id: {
            parameter.name
            for parameter in each.parameters or ()
            if isinstance(parameter, Parameter) and parameter.param_in == "query"
        }
        for each in operations
        if each is not None
    }


def strict(request: Request[Any, Any, Any]) -> None:
    """Refuse what would be passed over in silence: a misspelt filter of a mass cancel would cancel more than
    was meant. Raises ``Problem``: 400, 415.
    """
    known = request.app.state.query_names.get(request.route_handler.operation_id)
    if known is not None and (unknown := sorted(set(request.query_params) - known)):
        takes = ", ".join(sorted(known)) or "none"
        detail = f"unknown parameter {shortened('', unknown[0])}; this route takes: {takes}"
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail, field=unknown[0][:80])
    for name in known or ():
        _check_parameter(name, request.query_params.getall(name, []))
    kind = request.content_type[0].lower()
    if (
        request.method in {"POST", "PUT", "PATCH"}
        and kind not in TAKEN_FOR_JSON
        and not kind.endswith("+json")
    ):
        detail = f"Content-Type was {shortened('', kind)}; this API takes application/json"
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail, field="Content-Type"
        )


def _check_parameter(name: str, given: list[str]) -> None:
    """What is left out is left out: ``null`` is no side of a market, and would be taken for both."""
    if len(given) > 1 or (given == ["null"] and name != "account"):
        detail = f"{name} was {shortened('', '&'.join(given))}; give it once, or leave it out"
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail, field=name)
