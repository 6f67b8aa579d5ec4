"""What identity refuses, for the person who asked."""

from http import HTTPStatus

from api.problems import Problem


def refused(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail)


def conflict(detail: str) -> Problem:
    return Problem(HTTPStatus.CONFLICT, "already_there", detail)


def not_found(detail: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "not_found", detail)


def not_allowed(detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, "not_allowed", detail)
