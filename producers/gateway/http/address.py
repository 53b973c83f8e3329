"""The two addresses of an HTTP gateway: where it listens and what it stands in front of. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from .errors import ListenError, UpstreamError

__all__ = ["Listen", "Upstream", "is_loopback"]

_UNIX = "unix:"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Listen:
    """A TCP address (port 0 takes a free one), or the `path` of a unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Listen:
        """`127.0.0.1:8931`, `[::1]:8931` or `unix:/run/gateway.sock`. Raises ListenError."""
        if text.startswith(_UNIX):
            path = "/" + text.removeprefix(_UNIX).lstrip("/")
            if path == "/":
                raise ListenError(f"{text!r} names no socket", "unix:/run/triptych/gateway.sock")
            return cls(path=path)
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (host and colon and port.isascii() and port.isdecimal() and int(port) < 1 << 16):
            raise ListenError(f"{text!r} is no address to listen on", "write HOST:PORT or unix:/path/to/socket")
        return cls(host=host, port=int(port))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can dial it."""
        return bool(self.path) or is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Upstream:
    """The MCP server: a TCP address, or the `socket` it listens on. `endpoint` is the path of MCP where it is known."""

    host: str
    port: int
    tls: bool
    endpoint: str
    socket: str = ""

    @classmethod
    def parse(cls, url: str) -> Upstream:
        """`http://127.0.0.1:3000/mcp`, `https://host/mcp` or `unix:///run/server.sock`. Raises UpstreamError."""
        parts = _split(url)
        if parts.scheme == "unix":
            return cls(host="localhost", port=0, tls=False, endpoint="", socket=parts.path)
        port = parts.port if parts.port is not None else _PORTS[parts.scheme]
        return cls(host=parts.hostname or "", port=port, tls=parts.scheme == "https", endpoint=parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """What a client that dialled it directly would write into Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in (0, _PORTS["https" if self.tls else "http"]) else f"{host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether a host, as Host and Origin write it without its port, is this machine under a name nobody can rebind."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fits = parts.port is None or parts.port > 0
    except ValueError:
        fits = False
    if not fits or parts.scheme not in ("http", "https", "unix") or not (parts.hostname or parts.path.strip("/")):
        raise UpstreamError("the upstream URL names no server", "as in http://127.0.0.1:3000/mcp")
    if parts.username is not None or parts.query or parts.fragment:
        raise UpstreamError(
            "the upstream URL holds more than scheme, host, port and path", "clients send credentials and queries"
        )
    if (parts.scheme == "unix") == bool(parts.hostname):
        raise UpstreamError("the upstream URL names no server", "as in unix:///run/server.sock")
    return parts
