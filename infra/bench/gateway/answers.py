"""What the echo servers of this benchmark answer. As light as a server can be that parses what it is asked."""

from __future__ import annotations

from typing import Any

import orjson

from .traffic import prose

__all__ = ["answer"]

_TAIL = 186  # characters of the server's own in an echo
_CORPUS = prose(1 << 16, 0) * 2
_HALF = 1 << 16
_SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "description": "what to say"},
        "path": {"type": "string", "description": "where it would be kept"},
        "n": {"type": "integer"},
        "size": {"type": "integer"},
    },
    "required": ["text"],
}
_TOOLS = [
    {"name": "echo", "description": "Say it again, and a little more.", "inputSchema": _SCHEMA},
    {"name": "page", "description": "A page of that many characters.", "inputSchema": _SCHEMA},
]


def answer(line: bytes) -> bytes | None:
    """The reply to one message, without a line end; None for a notification."""
    message = orjson.loads(line)
    number, method, params = message.get("id"), message["method"], message.get("params") or {}
    if number is None:
        return None
    if method == "tools/call":
        result = _called(params)
    elif method == "initialize":
        result = {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "echo", "version": "1"},
        }
    elif method == "tools/list":
        result = {"tools": _TOOLS}
    elif method == "ping":
        result = {}
    else:
        error = {"code": -32601, "message": "Method not found"}
        return orjson.dumps({"jsonrpc": "2.0", "id": number, "error": error})
    return orjson.dumps({"jsonrpc": "2.0", "id": number, "result": result})


def _called(params: dict[str, Any]) -> dict[str, Any]:
    arguments = params["arguments"]
    at = arguments["n"] * 37 % _HALF
    text = _page(at, arguments["size"]) if params["name"] == "page" else arguments["text"] + _CORPUS[at : at + _TAIL]
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": False}
    return result | {"resultType": "complete"} if "_meta" in params else result


def _page(at: int, size: int) -> str:
    text = _CORPUS[at : at + _HALF]
    return (text * (size // _HALF + 1))[:size]
