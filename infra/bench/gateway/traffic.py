"""What the clients of this benchmark say: calls of one size whose values differ from call to call, so no cache wins."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import orjson

__all__ = ["INITIALIZE", "INITIALIZED", "LIST", "SIZE", "Message", "call", "modern_call", "page_call", "prose"]

SIZE = 275
"""Bytes of an ordinary request with its line end; the echo server's reply has about 400."""

_WORDS = [
    *("anchor", "archive", "basket", "candle", "carrier", "copper", "desert", "ember", "engine", "garden", "harbour"),
    *("invoice", "lantern", "ledger", "margin", "marble", "meadow", "orchard", "pepper", "quarter", "report", "saddle"),
    *("signal", "thunder", "timber", "velvet", "violet", "walnut", "window", "winter"),
]

Message = Callable[[int], bytes]


def prose(characters: int, seed: int) -> str:
    """So many characters of text; the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311
    text = " ".join(dice.choices(_WORDS, k=characters // 4 + 1))
    return text[:characters]


def _line(number: int, method: str, params: dict[str, Any]) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + b"\n"


def _arguments(number: int, text: str) -> dict[str, Any]:
    path = f"/srv/data/reports/{2000 + number % 27}/{_WORDS[number % len(_WORDS)]}-{number % 9973:04}.csv"
    return {"text": text, "path": path, "n": number}


def call(number: int) -> bytes:
    """tools/call of `echo`, exactly SIZE bytes, three arguments."""

    def line(text: str) -> bytes:
        return _line(number, "tools/call", {"name": "echo", "arguments": _arguments(number, text)})

    return line(prose(SIZE - len(line("")), number))


def page_call(number: int, size: int = 16_384) -> bytes:
    """tools/call of `page`: a result of `size` characters."""
    arguments = _arguments(number, prose(40, number)) | {"size": size}
    return _line(number, "tools/call", {"name": "page", "arguments": arguments})


def modern_call(number: int) -> bytes:
    """tools/call of protocol version 2026-07-28: every request brings what initialize used to say, and its trace."""
    dice = random.Random(number)  # noqa: S311
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        "traceparent": f"00-{dice.getrandbits(128):032x}-{dice.getrandbits(64):016x}-01",
    }
    arguments = _arguments(number, prose(130, number))
    return _line(number, "tools/call", {"name": "echo", "arguments": arguments, "_meta": meta})


INITIALIZE = _line(
    0,
    "initialize",
    {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
)
INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
LIST = _line(1, "tools/list", {})
