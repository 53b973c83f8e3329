"""Which HTTP gateway stands before which server that listens: read from the settings file, and added to it. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import SERVERS, sections
from .jsonc import quoted

__all__ = ["Route", "Routes", "added"]

_UNIX = "unix://"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_IN_A_URL = re.compile(r"""[^\s"\\#?%$]+""")  # what means the same in JSON, in a URL and in a file's name
_FIRST_PORT = 8931
_LONGEST_SOCKET = 100  # bytes of a unix socket's path that every kernel takes


@dataclass(frozen=True, slots=True)
class Route:
    """`upstream` and `listen` as the settings have them: a URL, and HOST:PORT or unix:/path."""

    server: str
    upstream: str
    listen: str

    @property
    def origin(self) -> str:
        """How a client's URL begins when it dials the server itself."""
        scheme, _, rest = self.upstream.partition("://")
        return self.upstream if self.upstream.startswith(_UNIX) else f"{scheme}://{rest.partition('/')[0]}"

    @property
    def local(self) -> str:
        """How it begins when it dials the gateway."""
        return _UNIX + self.listen.removeprefix("unix:") if self.listen.startswith("unix:") else f"http://{self.listen}"


class Routes:
    """Those of one settings file, and new ones beside them. `folder` is where sockets of gateways stand; `is_free`
    tells whether a new gateway could listen on a port.
    """

    def __init__(self, tables: Mapping[str, Any], folder: str, is_free: Callable[[int], bool] = lambda _: True) -> None:
        known = sections(tables).items()
        self._folder, self._is_free = folder, is_free
        self._listening = {str(section["listen"]) for _, section in known if "listen" in section}
        self._routes = {
            name: Route(name, str(section["upstream"]), str(section["listen"]))
            for name, section in known
            if "listen" in section and "upstream" in section
        }
        self.new: dict[str, Route] = {}

    def named(self, server: str) -> Route | None:
        return self._routes.get(server)

    def to(self, server: str, upstream: str) -> Route | None:
        """The route to this upstream, a new one where there is none; None where the name stands for another server."""
        route = self._routes.get(server)
        if route is None:
            listen = self._socket(server) if upstream.startswith(_UNIX) else f"127.0.0.1:{self._port()}"
            if listen is None:
                return None
            route = self._routes[server] = self.new[server] = Route(server, upstream, listen)
            self._listening.add(listen)
        return route if route.origin == Route(server, upstream, "").origin else None

    def _port(self) -> int:
        port = _FIRST_PORT
        while any(listen.endswith(f":{port}") for listen in self._listening) or not self._is_free(port):
            port += 1
        return port

    def _socket(self, server: str) -> str | None:
        path = f"{self._folder}/{server}.sock"
        fits = len(path.encode()) < _LONGEST_SOCKET and _IN_A_URL.fullmatch(path) and "/" not in server
        return f"unix:{path}" if fits else None


def added(text: str, routes: Iterable[Route]) -> str:
    """The TOML settings `text` with these routes in them. Raises ValueError where they cannot be written so."""
    wanted = tomllib.loads(text)
    for route in routes:
        values = {"upstream": route.upstream, "listen": route.listen}
        if not route.upstream.startswith(("http://127.", "http://localhost", _UNIX)):
            values["host_header"] = "upstream"  # a server behind a shared address must be told which one is meant
        text = _with_section(text, route.server, values)
        wanted.setdefault(SERVERS, {}).setdefault(route.server, {}).update(values)
    if tomllib.loads(text) != wanted:
        raise ValueError("the sections are written in a way that cannot be added to")
    return text


def _with_section(text: str, server: str, values: Mapping[str, str]) -> str:
    name = server if _BARE.fullmatch(server) else quoted(server)
    header = f"[{SERVERS}.{name}]"
    lines = "".join(f"{key} = {quoted(value)}\n" for key, value in values.items())
    there = re.compile(rf"^[ \t]*{re.escape(header)}[^\n]*\n", re.MULTILINE).search(text)
    if there:
        return text[: there.end()] + lines + text[there.end() :]
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}{header}\n{lines}"
