"""What the two sides of a connection say of themselves, message by message. Self-reported: never a ground for trust."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ....models.text import clean
from .meta import Meta, claimed, declared

if TYPE_CHECKING:
    from ....models.events import Era
    from .ledger import Call
    from .message import Shape

__all__ = ["TELLING", "Claims", "after_reply", "after_request", "text"]

_TEXT = 128
_MODERN = frozenset({"server/discover", "subscriptions/listen"})
_LEGACY = frozenset({"notifications/initialized", "ping", "logging/setLevel"})
TELLING = _MODERN | _LEGACY | {"initialize"}  # the methods that tell something of a client without `_meta`


@dataclass(frozen=True, slots=True)
class Claims:
    """As of one message; a modern client may change its own with every request."""

    era: Era = "unknown"
    evidence: str = ""
    version: str | None = None
    client: str | None = None
    capabilities: tuple[str, ...] = ()
    server_name: str | None = None
    server_version: str | None = None


def after_request(claims: Claims, shape: Shape, meta: Meta) -> Claims:
    """What a request or notification of the client adds."""
    method = shape.body["method"]
    if meta.version is not None:
        return _introduced(claims, "modern", "_meta", meta)
    if method in _MODERN:
        return replace(claims, era="modern", evidence=method)
    if method == "initialize":
        said = shape.params
        meta = Meta(
            version=text(said.get("protocolVersion")),
            client=said.get("clientInfo"),
            capabilities=said.get("capabilities"),
        )
        return _introduced(claims, "legacy", method, meta)
    if method in _LEGACY and claims.era != "legacy":
        return replace(claims, era="legacy", evidence=method)
    return claims


def after_reply(claims: Claims, result: object, meta: Meta, call: Call | None) -> Claims:
    """What a result of the server adds; that of initialize settles the version of its call too."""
    info = meta.server
    if call is not None and call.method == "initialize" and isinstance(result, dict):
        info = result.get("serverInfo")
        version = text(result.get("protocolVersion")) or claims.version
        claims = claims if version == claims.version else replace(claims, version=version)
        call.claims = claims
    names = claimed(info)
    if names is None:
        return claims
    name, version = clean(names[0], _TEXT), clean(names[1], _TEXT) or None
    if (name, version) == (claims.server_name, claims.server_version):
        return claims
    return replace(claims, server_name=name, server_version=version)


def text(value: Any) -> str | None:
    """A string of the sender's, cleaned and capped; None for anything else."""
    if type(value) is not str:  # no subclass comes out of JSON
        return None
    return _short(value) if len(value) <= _TEXT else clean(value, _TEXT)


@lru_cache(1024)
def _short(value: str) -> str:
    """Names repeat, and what is longer is none."""
    return clean(value, _TEXT)


def _introduced(claims: Claims, era: Era, evidence: str, said: Meta) -> Claims:
    names = claimed(said.client)
    new = replace(
        claims,
        era=era,
        evidence=evidence,
        version=text(said.version),
        client=clean(" ".join(filter(None, names)), _TEXT) if names else claims.client,
        capabilities=tuple(clean(name, 64) for name in declared(said.capabilities)),
    )
    return claims if new == claims else new
