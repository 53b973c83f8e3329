"""Who may talk to a listener on this machine: the names in Host and Origin that a web page cannot borrow.

A page of any site can make a browser dial 127.0.0.1 (DNS rebinding); its name then stands in Host, its site in Origin.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from .address import is_loopback
from .errors import Refusal
from .head import RequestHead

__all__ = ["Admission"]


class Admission:
    """Both checks. `local` demands this machine's names, else only what is listed is demanded."""

    def __init__(self, local: bool, hosts: tuple[str, ...] = (), origins: tuple[str, ...] = ()) -> None:
        self._local = local
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._seen: tuple[bytes | None, bytes | None] | None = None

    def check(self, head: RequestHead) -> None:
        """Raises Refusal with status 403. A request without Host is HTTP/1.0, which no browser speaks."""
        said = head.fields.get(b"host"), head.fields.get(b"origin")
        if said == self._seen:
            return
        host, origin = head.text(b"host"), head.text(b"origin")
        if host is not None and not self._host(host.lower()):
            raise Refusal("host-not-allowed", 403)
        if origin is not None and (b"origin" in head.repeated or not self._origin(origin.lower())):
            raise Refusal("origin-not-allowed", 403)
        self._seen = said if b"origin" not in head.repeated else None

    def _host(self, host: str) -> bool:
        name = _name(host)
        if host in self._hosts or name in self._hosts:
            return True
        return is_loopback(name) if self._local else not self._hosts

    def _origin(self, origin: str) -> bool:
        if origin in self._origins:
            return True
        if not self._local:
            return not self._origins
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")


def _name(host: str) -> str:
    """A Host without its port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and (host.startswith("[") or ":" not in name) else host
