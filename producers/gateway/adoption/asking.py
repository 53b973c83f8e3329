"""The two ways to a live server whose tools are to be listed: launch it, or dial it. Each wait is bounded."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import select
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..policy.pins import PinError
from .listing import list_tools

__all__ = ["ask_launched", "ask_listening"]

Message = dict[str, Any]
_WAIT_S = 30.0
_MOST_BYTES = 64 << 20
_MOST_REFUSALS = 64  # as many surely fit a pipe that nobody reads
_ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def ask_launched(command: Sequence[str], environment: Mapping[str, str]) -> tuple[str, list[Message]]:
    """Version and tools of the server that `command` runs in `environment`. Raises PinError."""
    try:
        process = subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environment))
    except OSError as error:
        raise PinError(f"the server cannot be started: {error.strerror}", "check its command") from None
    with process:
        try:
            lines = _Lines(process)
            return list_tools(lines.request, lines.notify)
        except BrokenPipeError:
            raise PinError("the server ended before it answered", "run its command by hand") from None
        finally:
            _end(process)


def ask_listening(url: str, headers: Mapping[str, str]) -> tuple[str, list[Message]]:
    """Version and tools of the server at `url`, over Streamable HTTP. Raises PinError."""
    posts = _Posts(url, headers)
    try:
        return list_tools(posts.request, posts.notify)
    except (OSError, http.client.HTTPException) as error:
        raise PinError(f"the server does not answer: {error}", "is it running?") from None


class _Lines:
    """JSON-RPC over the pipes of a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin and process.stdout  # noqa: S101  # both were asked for
        self._to, self._from = process.stdin, process.stdout.fileno()
        self._ids = itertools.count(1)
        self._rest = b""
        self._refusals = _MOST_REFUSALS

    def notify(self, method: str) -> None:
        self._send({"method": method})

    def request(self, method: str, params: Message) -> Message:
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": params})
        for message in self._messages(time.monotonic() + _WAIT_S):
            if message.get("id") == number and "method" not in message:
                return message
            if "id" in message and "method" in message and self._refusals:  # what we offer nothing of
                self._refusals -= 1
                self._send({"id": message["id"], "error": {"code": -32601, "message": "not offered"}})
        raise PinError(f"the server ended, or did not answer {method} in {_WAIT_S:.0f} s", "run its command by hand")

    def _send(self, message: Message) -> None:
        self._to.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._to.flush()

    def _messages(self, until: float) -> Iterator[Message]:
        while (left := until - time.monotonic()) > 0 and select.select([self._from], [], [], left)[0]:
            chunk = os.read(self._from, 1 << 16)
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            yield from filter(None, map(_message, lines))
            if not chunk or len(self._rest) > _MOST_BYTES:
                return


class _Posts:
    """JSON-RPC over POSTs, in the session that the server may open."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._parts = urlsplit(url)
        self._headers = {**headers, **_ACCEPT}
        self._ids = itertools.count(1)

    def request(self, method: str, params: Message) -> Message:
        number = next(self._ids)
        version = params.get("_meta", {}).get("io.modelcontextprotocol/protocolVersion")
        modern = {"MCP-Protocol-Version": version, "Mcp-Method": method} if version else {}
        for message in self._post({"id": number, "method": method, "params": params}, modern):
            if message.get("id") == number:
                return message
        return {}

    def notify(self, method: str) -> None:
        self._post({"method": method}, {})

    def _post(self, message: Message, headers: Mapping[str, str]) -> list[Message]:
        body = json.dumps({"jsonrpc": "2.0", **message})
        with contextlib.closing(self._dial()) as connection, _ended_in_time(connection):
            connection.request("POST", self._target(), body, {**self._headers, **headers})
            reply = connection.getresponse()
            if session := reply.getheader("Mcp-Session-Id"):
                self._headers["Mcp-Session-Id"] = session
            return _read(reply, message.get("id"))

    def _target(self) -> str:
        """The path of MCP; behind a socket it is the fragment."""
        path = (self._parts.fragment if self._parts.scheme == "unix" else self._parts.path) or "/"
        return f"{path}?{self._parts.query}" if self._parts.query else path

    def _dial(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "localhost", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=_WAIT_S, context=ssl.create_default_context())
        connection = http.client.HTTPConnection(host, port, timeout=_WAIT_S)
        if self._parts.scheme == "unix":
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(_WAIT_S)
            connection.sock.connect(self._parts.path)
        return connection


@contextlib.contextmanager
def _ended_in_time(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Ends the connection when the wait is over: a timeout of sockets begins anew with every byte."""
    if connection.sock is None:
        connection.connect()
    timer = threading.Timer(_WAIT_S, _shut, [connection.sock])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _read(reply: http.client.HTTPResponse, number: int | None) -> list[Message]:
    """The message of an answer; of a stream the reply that is waited for."""
    if "text/event-stream" not in reply.getheader("Content-Type", ""):
        return list(filter(None, [_message(reply.read(_MOST_BYTES))]))
    for line in iter(lambda: reply.readline(_MOST_BYTES), b""):
        message = _message(line.removeprefix(b"data:")) if line.startswith(b"data:") else None
        if message is not None and message.get("id") == number and "method" not in message:
            return [message]
    return []


def _message(text: bytes) -> Message | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """As clients end a server: no more input, then a signal, then a harder one."""
    with contextlib.suppress(OSError):
        process.stdin.close() if process.stdin else None
    for harder in (process.terminate, process.kill):
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            harder()
