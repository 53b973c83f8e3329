"""Requests over HTTP in a session that is not one's own: what no client library offers, so they are written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx2
from opentelemetry.propagate import inject

from .script import Ask, token_of

__all__ = ["Hijacker"]

_TIMEOUT_S = 10
_VERSION = "2025-11-25"
_NUMBERS = count(9000)


@dataclass(frozen=True, slots=True)
class Hijacker:
    """A principal that knows the sessions of others."""

    url: str
    principal: str
    sessions: Mapping[str, str]

    async def call(self, ask: Ask, arguments: Mapping[str, Any]) -> str:
        """Send one tool call in the session that `ask` names; what came back, as text."""
        meta: dict[str, str] = {}
        inject(meta)
        parameters = {"name": ask.tool, "arguments": dict(arguments), "_meta": meta}
        body = {"jsonrpc": "2.0", "id": next(_NUMBERS), "method": "tools/call", "params": parameters}
        headers = {
            "Authorization": f"Bearer {token_of(self.principal)}",
            "Accept": "application/json, text/event-stream",
            "Mcp-Session-Id": self._session(ask.session),
            "MCP-Protocol-Version": _VERSION,
        }
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S) as http:
            response = await http.post(self.url, json=body, headers=headers)
        return response.text

    def _session(self, wanted: str) -> str:
        if wanted != "foreign":
            return wanted
        return next((session for who, session in sorted(self.sessions.items()) if who != self.principal), wanted)
