"""A small API that answers as it is told to, and keeps what it was asked."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import MappingProxyType
from typing import Any, NamedTuple

from stack.ports import HOST


class Asked(NamedTuple):
    line: str
    headers: dict[str, str]
    body: Any


class Told(NamedTuple):
    """``body=None``: the connection is cut instead."""

    status: int
    body: Any
    headers: Mapping[str, str] = MappingProxyType({})


@dataclass
class Api:
    url: str = ""
    answers: list[Told] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [each.line for each in self.asked]


@contextmanager
def answering() -> Iterator[Api]:
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(size)) if size else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            api.asked.append(Asked(f"{self.command} {self.path}", headers, body))
            told = api.answers.pop(0)
            if told.body is None:
                self.close_connection = True
                return
            content = told.body.encode() if isinstance(told.body, str) else json.dumps(told.body).encode()
            self.send_response(told.status)
            for name, value in {**told.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - named by the library

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    api.url = f"http://{HOST}:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
