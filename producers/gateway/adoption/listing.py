"""Asks a server for all its tools, as a client that offers nothing would. Pure: messages out, messages in.

The definitions stay as they were sent: a library would drop what it does not know, and other digests come out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....models.text import clean
from ..policy.pins import PinError

__all__ = ["Send", "list_tools"]

Send = Callable[[str, dict[str, Any]], dict[str, Any]]  # method and params to the whole JSON-RPC reply
_MOST_PAGES = 1000
_MOST_TOOLS = 10_000
_LEGACY, _MODERN = "2025-11-25", "2026-07-28"
_CLIENT = {"name": "triptych", "version": "1"}
_META = "io.modelcontextprotocol/"


def list_tools(request: Send, notify: Callable[[str], None]) -> tuple[str, list[dict[str, Any]]]:
    """The version that the server claims, and its tools from all pages, in either era. Raises PinError."""
    hello = request("initialize", {"protocolVersion": _LEGACY, "capabilities": {}, "clientInfo": _CLIENT})
    if "result" in hello:
        notify("notifications/initialized")
        return _version(_table(hello["result"]).get("serverInfo")), _pages(request, {})[1]
    meta = {f"{_META}protocolVersion": _MODERN, f"{_META}clientCapabilities": {}, f"{_META}clientInfo": _CLIENT}
    result, tools = _pages(request, {"_meta": meta})
    return _version(_table(result.get("_meta")).get(f"{_META}serverInfo")), tools


def _pages(request: Send, params: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The last page, and the tools of all."""
    tools: list[dict[str, Any]] = []
    for _ in range(_MOST_PAGES):
        reply = request("tools/list", params)
        result = _table(reply.get("result"))
        found = result.get("tools")
        if not isinstance(found, list) or not all(isinstance(tool, dict) for tool in found):
            code = clean(str(_table(reply.get("error")).get("code", "no list")), 40)
            raise PinError(f"the server lists no tools: {code}", "does it offer tools?")
        tools += found
        if len(tools) > _MOST_TOOLS:
            raise PinError(f"the list has more than {_MOST_TOOLS} tools", "its server never ends it")
        if not (cursor := result.get("nextCursor")):
            return result, tools
        params = {**params, "cursor": cursor}
    raise PinError(f"the list has more than {_MOST_PAGES} pages", "its server never ends it")


def _version(info: Any) -> str:
    return clean(str(_table(info).get("version", "")))


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
