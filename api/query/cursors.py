"""Cursors: where a page ended, and in which generation of its projection: ``2.01700000000000000-<id>``.

What comes after a page is read where the page was, so that a walk sees one generation from its first page to
its last. That generation is kept for as long as the setting ``cursor_life_ms`` says after it was replaced.
"""

from http import HTTPStatus
from typing import Annotated

from litestar.params import QueryParameter

from api.problems import Problem
from projections import generations
from projections.generations import FIRST, Generation, LiveView

Cursor = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^([1-9]\d{0,8}\.)?\d{17}-[0-9a-f-]{36}$",
        description="The `next_cursor` of the page before; 410 once what it leads on in is no longer kept.",
    ),
]


def write(view: LiveView, projection: str, page_key: str) -> str:
    return f"{view.live.of(projection).number}.{page_key}"


def read(view: LiveView, projection: str, cursor: str | None) -> tuple[LiveView, str | None]:
    """Return the view that the cursor was given out from, and its page key. Raises ``Problem``: 410 if that
    generation is no longer kept.
    """
    if cursor is None:
        return view, None
    number, _, page_key = cursor.rpartition(".")
    generation = Generation(projection, int(number or FIRST))
    if generation == view.live.of(projection):
        return view, page_key
    if generation not in view.live.kept_at(projection, generations.now_us()):
        raise Problem(
            HTTPStatus.GONE,
            "cursor_expired",
            f"cursor {cursor} is of generation {generation.number} of {projection}, which is no longer kept",
        )
    return view.at(generation), page_key
