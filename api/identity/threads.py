"""Handlers that wait for the database do so in a thread.

Litestar's own `sync_to_thread` forgets to await a handler whose path has another method as well (2.25).
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(handler: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return the handler as a coroutine function that runs it in a thread."""

    @wraps(handler)
    async def run(*arguments: P.args, **named: P.kwargs) -> T:
        return await asyncio.to_thread(handler, *arguments, **named)

    return run
