"""An HTTP API for one test: it answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import queue
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from patience import PATIENCE_S


def ignored(_reason: str, _what: str) -> None:
    """Hears of troubles."""


class FakeApi:
    """`answers[path]` is JSON, a status, or a callable; watches send what is put into `changes`, and end at None."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.changes: queue.Queue[Any] = queue.Queue()
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.watching = threading.Event()
        self.is_closed = False

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def watches(self) -> list[dict[str, str]]:
        return [query for _, query, _ in self.asked if "watch" in query]

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append((parts.path, query, dict(handler.headers)))
        if "watch" in query:
            self._watch(handler)
            return
        answer = self.answers.get(parts.path, 404)
        answer = answer() if callable(answer) else answer
        status, body = (answer, b"{}") if isinstance(answer, int) else (200, json.dumps(answer).encode())
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _watch(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.flush()
        number = len(self.watches())  # a change goes to the youngest watch
        self.watching.set()
        while not self.is_closed:
            try:
                change = self.changes.get(timeout=0.02)
            except queue.Empty:
                continue
            if number != len(self.watches()):
                self.changes.put(change)
                return
            if change is None:
                break
            line = change if isinstance(change, bytes) else json.dumps(change).encode() + b"\n"
            half = len(line) // 2  # a line may come in pieces
            for piece in filter(None, (line[:half], line[half:])):
                handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")


class _Silent(socketserver.BaseServer):
    def handle_error(self, *_: object) -> None:
        """A client that went away in the middle is part of some tests."""


class Tcp(_Silent, socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Unix(_Silent, socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def serve(api: FakeApi, server_class: type[socketserver.BaseServer], address: Any) -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            api.handle(self)

        def address_string(self) -> str:
            return "test"

        def log_message(self, *_: object) -> None:
            pass

    server = server_class(address, Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    api.is_closed = True
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE_S)
