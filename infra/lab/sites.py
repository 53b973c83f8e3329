"""More of the small internet on loopback: partners that users write to, and a name server that answers nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..demo.world import COLLECTOR_HOST
from .errors import LabError

__all__ = ["PARTNERS", "open_partners", "open_resolver"]

PARTNERS = tuple(f"127.67.0.{number}" for number in range(1, 13))
_DNS = 53
_MOST = 512


class _Partner(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(b"<h1>Partner</h1><p>Nothing new.</p>")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(b"received")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def open_partners() -> Iterator[tuple[str, ...]]:
    """Addresses (host:port) of the partners' sites, until the block ends."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(_site(host)) for host in PARTNERS)


@contextmanager
def _site(host: str) -> Iterator[str]:
    server = ThreadingHTTPServer((host, 0), _Partner)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
    thread.start()
    try:
        yield f"{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def open_resolver() -> Iterator[None]:
    """The attacker's name server: takes questions, throws them away. Raises LabError Y01 where its port is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((COLLECTOR_HOST, _DNS))
        except OSError as error:
            lack = f"{COLLECTOR_HOST}:{_DNS} cannot be had: {error.strerror}"
            raise LabError(lack, "one lab at a time, as root") from error
        sock.settimeout(0.2)
        over = threading.Event()
        thread = threading.Thread(target=_swallow, args=(sock, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _swallow(sock: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        try:
            sock.recvfrom(_MOST)
        except TimeoutError:
            continue
