"""The order in which a client may speak: handshake before requests, one era, no version older than what worked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .observe import Message

__all__ = ["REMOVED", "Lifecycle"]

_MODERN = "2026-07-28"
_BEFORE_HANDSHAKE = frozenset({"initialize", "ping", "server/discover"})
REMOVED = frozenset(  # in 2026-07-28
    {
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/result",
        "tasks/list",
        "notifications/initialized",
        "notifications/roots/list_changed",
    }
)
_VERSION = r"\d{4}-\d\d-\d\d"


class Lifecycle:
    """One conversation's. `handshake` is false where requests may come without one, as on HTTP."""

    def __init__(self, *, handshake: bool = True) -> None:
        self._strict = self._awaited = handshake
        self._best = ""  # the latest version in which a request was answered

    def request(self, message: Message) -> None:
        """Of the client."""
        if message.shape.partial:
            return
        version = message.meta.version
        method = message.shape.body["method"]
        if version is not None:
            self._modern(message, method, version)
        elif method == "initialize":
            self._awaited = False
            self._not_older(message, message.shape.params.get("protocolVersion"))
        elif self._awaited and method not in _BEFORE_HANDSHAKE:
            message.note("before-initialize")

    def reply(self, message: Message) -> None:
        """Of the server."""
        call = message.call
        if call is None:
            return
        if message.shape.kind == "error":
            self._awaited = self._awaited or (self._strict and call.method == "initialize")
            return
        version = call.claims.version
        if version is not None and version > self._best and call.method != "server/discover":
            self._best = version if re.fullmatch(_VERSION, version) else self._best

    def notification(self, message: Message) -> None:
        """Of the client."""
        if message.meta.version is not None:
            self._modern(message, message.shape.body["method"], message.meta.version)

    def _modern(self, message: Message, method: str, version: str) -> None:
        if method in REMOVED and version >= _MODERN:
            message.note("removed-method", method)
        self._not_older(message, version)

    def _not_older(self, message: Message, version: object) -> None:
        if isinstance(version, str) and version < self._best and re.fullmatch(_VERSION, version):
            message.note("version-downgrade", f"{version} after {self._best}")
