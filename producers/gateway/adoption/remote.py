"""A server that a client dials: the beginning of its URL becomes the HTTP gateway's, the rest stays. Pure."""

from __future__ import annotations

import re

from ..facts.secrets import names_secret
from ..http.address import is_loopback
from .entry import Unfit, text_of
from .jsonc import Edit, Node
from .routes import Route, Routes

__all__ = ["is_wrapped", "unwrap", "wrap"]

_TYPES = frozenset({None, "http", "sse", "streamable-http", "streamableHttp"})
_DIALLED = re.compile(
    r"(?P<origin>https?://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d+)?)(?P<path>/[^?#\"\\$]*)?"
)
_SOCKET = re.compile(r"unix:///[^#?\"\\$]+")
_LOGINS = frozenset({"oauth", "auth"})  # members by which clients are told to log in
_OAUTH = (
    "it may log in by OAuth, which ties tokens to the URL that is dialled: put the gateway on the server's own name, "
    "or use --force where it does not"
)


def is_wrapped(text: str, node: Node, name: str, routes: Routes) -> bool:
    return _route_of(text, node, name, routes) is not None


def wrap(text: str, node: Node, name: str, routes: Routes, *, force: bool = False) -> list[Edit]:
    """The edit that lets the client dial the gateway before the server `name`. Raises Unfit."""
    url = node.member("url")
    if url is None or not text_of(url):
        raise Unfit("its url is no text")
    kind = text_of(node.member("type"))
    if kind not in _TYPES:
        raise Unfit("its type is none that the gateway speaks: stdio, http or sse")
    written = text[url.start + 1 : url.end - 1]
    origin, upstream, inside = _upstream(written, kind == "sse")
    if not (force or inside or _has_credential(node)) or (not force and _logs_in(node)):
        raise Unfit(_OAUTH)
    route = routes.to(name, upstream)
    if route is None:
        raise Unfit("another server has its name in the gateway's settings, or the name is none for a socket")
    return [_replaced(url, origin, route.local)]


def unwrap(text: str, node: Node, name: str, routes: Routes) -> list[Edit]:
    """The edit that lets the client dial the server itself again."""
    route, url = _route_of(text, node, name, routes), node.member("url")
    return [_replaced(url, route.local, route.origin)] if route and url else []


def _route_of(text: str, node: Node, name: str, routes: Routes) -> Route | None:
    route, url = routes.named(name), node.member("url")
    if route is None or url is None or url.kind != "string":
        return None
    written = text[url.start + 1 : url.end - 1]
    return route if re.match(re.escape(route.local) + r"(?![^/?#])", written) else None


def _upstream(written: str, legacy: bool) -> tuple[str, str, bool]:
    """How the URL begins, the upstream of the settings, and whether it is on this machine."""
    if socket := _SOCKET.match(written):
        return socket.group(), socket.group(), True
    found = _DIALLED.match(written)
    if found is None or (found.end() < len(written) and written[found.end()] not in "?#"):
        raise Unfit("its url is none that can be split: a scheme, a host and a port, without variables or a login")
    path = "" if legacy else found["path"] or ""  # the old transport has two paths, and any may carry MCP
    plain = found["origin"].startswith("http://") and is_loopback(found["host"])
    return found["origin"], found["origin"] + path.rstrip("/"), plain


def _has_credential(node: Node) -> bool:
    """Whether the client sends a secret of its own, so that it need not log in."""
    headers = node.member("headers")
    names = [member.name.text for member in headers.members] if headers is not None else []
    return node.member("headersHelper") is not None or any(
        names_secret(name) or name.lower() == "authorization" or name.lower().endswith("-key") for name in names
    )


def _logs_in(node: Node) -> bool:
    return any(member.name.text in _LOGINS for member in node.members)


def _replaced(url: Node, old: str, new: str) -> Edit:
    start = url.start + 1
    return Edit(start, start + len(old), new)
