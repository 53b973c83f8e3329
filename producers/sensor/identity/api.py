"""GET of JSON, whole or line by line, over TLS with one trusted CA or over a unix socket.

Follows no redirect, asks no proxy, and reads nothing without a bound.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ....models.errors import TriptychError

__all__ = ["ApiError", "Client", "over_http", "over_socket"]

_MOST_BYTES = 64 << 20
_LONGEST_LINE = 8 << 20
_PIECE = 1 << 16


class ApiError(TriptychError):
    """The other side did not answer as asked. `status` is that of HTTP, 0 where it was no answer at all."""

    code = "K20"

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what, "the README of the sensor's identity lists what the sensor must be allowed to read")
        self.status = status


class Client:
    """Asks one server, a connection for each question. One thread asks; any may close."""

    def __init__(
        self,
        connect: Callable[[float], http.client.HTTPConnection],
        headers: Callable[[], Mapping[str, str]] = dict,
        *,
        prefix: str = "",
    ) -> None:
        """`connect` gets the longest wait for bytes in seconds; `headers` is asked before every request.

        `prefix` stands before every path.
        """
        self._connect = connect
        self._headers = headers
        self._prefix = prefix
        self._open: set[http.client.HTTPConnection] = set()
        self._is_closed = False

    def get(self, path: str, timeout_s: float) -> Any:
        """The JSON at `path`. Raises ApiError, also when it takes longer in all or is longer than 64 MiB."""
        until = time.monotonic() + timeout_s
        with self._asked(path, timeout_s) as response:
            body = bytearray()
            while piece := response.read1(_PIECE):
                body += piece
                if len(body) > _MOST_BYTES or time.monotonic() > until:
                    raise ApiError(f"{_name(path)} did not end within {timeout_s} s and {_MOST_BYTES >> 20} MiB")
            if response.length:
                raise ApiError(f"{_name(path)} broke off")
        return _decoded(bytes(body))

    def lines(self, path: str, silence_s: float) -> Iterator[Any]:
        """The JSON values that come in at `path`, one a line, until the server ends them. Raises ApiError."""
        with self._asked(path, silence_s) as response:
            while line := response.readline(_LONGEST_LINE):
                if not line.endswith(b"\n"):
                    raise ApiError(f"{_name(path)} broke off in a line")
                yield _decoded(line)

    def close(self) -> None:
        """End what is being asked, with ApiError for who asked it."""
        self._is_closed = True
        for connection in tuple(self._open):
            with contextlib.suppress(OSError, AttributeError):  # it may have ended meanwhile
                connection.sock.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def _asked(self, path: str, timeout_s: float) -> Iterator[http.client.HTTPResponse]:
        connection = None
        try:
            with contextlib.closing(self._connect(timeout_s)) as connection:
                connection.connect()
                self._open.add(connection)
                if self._is_closed:
                    raise ApiError("closed")
                connection.request(
                    "GET", self._prefix + path, headers={"Accept": "application/json", **self._headers()}
                )
                response = connection.getresponse()
                if response.status != http.client.OK:
                    raise ApiError(f"{_name(path)}: {response.status}", response.status)
                yield response
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(f"{_name(path)}: {type(error).__name__}") from error
        finally:
            self._open -= {connection}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def over_socket(path: Path) -> Client:
    """To an HTTP server on a unix socket, such as a container runtime."""
    return Client(lambda timeout_s: _UnixConnection(path, timeout_s))


def over_http(url: str, token: Path, ca: Path) -> Client:
    """To a server whose certificate `ca` vouches for, with what the file `token` holds; without TLS neither is used."""
    parts = urlsplit(url)
    host, port, prefix = parts.hostname or "", parts.port, parts.path.rstrip("/")
    if parts.scheme != "https":
        return Client(lambda timeout_s: http.client.HTTPConnection(host, port, timeout=timeout_s), prefix=prefix)

    def connect(timeout_s: float) -> http.client.HTTPConnection:
        trusted = ssl.create_default_context(cafile=ca)  # read anew: it rotates, as the token does
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=trusted)

    return Client(connect, lambda: {"Authorization": f"Bearer {token.read_text().strip()}"}, prefix=prefix)


def _name(path: str) -> str:
    return path.partition("?")[0]


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError("the answer is no JSON") from error
