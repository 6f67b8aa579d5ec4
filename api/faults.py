"""Faults: which field of a request was wrong, and what was in it, as far as the framework tells."""

import json
import re
from typing import Any, NamedTuple

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.utils.scope.state import ScopeState

VALUE_CHARACTERS_MAX = 80
SECRETS = ("token", "secret", "password", "authorization")
_FORM = re.compile(r"^(?P<field>[a-z_]+) was (?P<rest>.*)", re.DOTALL)
_STEP = re.compile(r"[^.\[\]]+")
_NOTHING = object()


class Fault(NamedTuple):
    """``field``: empty where it is the body as a whole. ``value``: JSON, shortened; ``None``: not told."""

    field: str
    value: str | None
    message: str

    def __str__(self) -> str:
        beside = "" if self.value is None or self.value in self.message else f", was {self.value}"
        return f"{self.field or 'body'}: {self.message}{beside}"


def faults_of(request: Request[Any, Any, Any], error: HTTPException) -> list[Fault]:
    """Return what was wrong in the request, field by field; none where it was not one of them."""
    if not isinstance(error.extra, list):
        return []
    items = [item for item in error.extra if isinstance(item, dict)]
    return [_fault(request, str(item.get("key", "")), str(item.get("message"))) for item in items]


def shortened(field: str, value: Any) -> str | None:
    """Return a value as an error may show it: not at all if it is a secret."""
    if any(word in field.lower() for word in SECRETS):
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    most = VALUE_CHARACTERS_MAX
    return repr(text if len(text) <= most else f"{text[:most]}...") if isinstance(value, str) else text[:most]


def _fault(request: Request[Any, Any, Any], key: str, message: str) -> Fault:
    field = "" if key == "data" else key
    if not field and (form := _FORM.match(message)):
        field = form["field"]  # said by the value's own check, which knows its name
    value = _sent(request, field) if field else _NOTHING
    return Fault(field, None if value is _NOTHING else shortened(field, value), message)


def _sent(request: Request[Any, Any, Any], field: str) -> Any:
    """Return what was sent as ``field``: in the address, or at that place of the body."""
    for given in (request.path_params, request.query_params):
        if field in given:
            return given[field]
    body = ScopeState.from_scope(request.scope).body
    try:
        found = json.loads(body) if isinstance(body, bytes) else _NOTHING
    except ValueError:
        return _NOTHING
    for step in _STEP.findall(field):
        found = _step(found, step)
    return found


def _step(found: Any, step: str) -> Any:
    if isinstance(found, dict):
        return found.get(step, _NOTHING)
    if isinstance(found, list) and step.isdigit() and int(step) < len(found):
        return found[int(step)]
    return _NOTHING
