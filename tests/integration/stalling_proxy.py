"""A proxy in front of MongoDB that stops in the middle of a write, and lets the rest of it through later."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

CHUNK_BYTES = 1 << 20
WAIT_S_MAX = 100
BULK = b"\x02update\x00"
"""How a request that replaces documents begins, after its header."""
HEAD_BYTES = 64


class StallingProxy:
    """Passes everything on, until it has let through as many bulk writes as it was told: of the next one it
    passes half the bytes, and holds the rest back until it is released.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.bulks_left: int | None = None
        self.stalled = threading.Event()
        self.released = threading.Event()
        self.passed_after_release = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def stall_after(self, bulks: int) -> None:
        with self._lock:
            self.bulks_left = bulks

    def release(self) -> None:
        self.released.set()

    def close(self) -> None:
        """End all connections; whatever is held back still goes out first."""
        self.released.set()
        self.listening.shutdown(socket.SHUT_RDWR)
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(WAIT_S_MAX)
        for end in (*self._sockets, self.listening):
            end.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            self._sockets += (client, server)
            self._start(self._pass_on, client, server, True)
            self._start(self._pass_on, server, client, False)

    def _pass_on(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                if asks and self._is_to_stall(data):
                    half = len(data) // 2
                    sink.sendall(data[:half])
                    self.stalled.set()
                    self.released.wait(WAIT_S_MAX)
                    sink.sendall(data[half:])
                    self.passed_after_release.set()
                else:
                    sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _is_to_stall(self, data: bytes) -> bool:
        if BULK not in data[:HEAD_BYTES]:
            return False
        with self._lock:
            if self.bulks_left is None or self.stalled.is_set():
                return False
            self.bulks_left -= 1
            return self.bulks_left < 0


@contextlib.contextmanager
def stalling_proxy(host: str, port: int) -> Iterator[StallingProxy]:
    proxy = StallingProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
