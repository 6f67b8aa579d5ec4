"""A query API behind a real server, in a thread of the test."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server

from api.query.app import QueryConfig, create_app
from stack.ports import HOST, free_ports
from stack.waiting import wait_until

READY_MS_MAX = 10_000


@contextmanager
def served(config: QueryConfig) -> Iterator[str]:
    """Yield the address at which the query API answers."""
    (port,) = free_ports(1)
    server = Server(create_app(config), address=HOST, port=port, interface=Interfaces.ASGI, log_enabled=False)
    loop = asyncio.new_event_loop()
    thread = Thread(target=lambda: loop.run_until_complete(server.serve()), name="query-api", daemon=True)
    thread.start()
    address = f"http://{HOST}:{port}"
    wait_until(lambda: _answers(address), READY_MS_MAX, "the query API answers")
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(READY_MS_MAX / 1000)
        loop.close()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health").is_success
    except httpx.TransportError:
        return False
