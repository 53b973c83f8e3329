"""What a client gets for a request that was refused, instead of the server's answer: JSON-RPC errors under its own ids.

The codes lie outside -32768..-32000, which JSON-RPC and MCP keep for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from .reading import Asked, Reading

__all__ = ["BLOCKED", "GONE", "error", "refusals"]

BLOCKED = -31403  # a rule of the operator forbids the request
GONE = -31503  # the process that worked on the request has ended


def refusals(reading: Reading, rules: Sequence[str]) -> list[bytes]:
    """One JSON text for each answer that is due: an object, or an array for a batch. Notifications get none."""
    data = {"rules": list(rules)}
    answers = []
    for group, batch in zip(reading.groups, reading.batches, strict=True):
        errors = [error(asked.id, BLOCKED, "blocked by the gateway's policy", data) for asked in group if _asks(asked)]
        if errors:
            answers.append(b"[" + b",".join(errors) + b"]" if batch else errors[0])
    return list(dict.fromkeys(answers))


def error(identifier: bytes | None, code: int, message: str, data: object) -> bytes:
    """One JSON-RPC error; `identifier` is JSON text."""
    body = orjson.dumps({"code": code, "message": message, "data": data})
    return b'{"jsonrpc":"2.0","id":' + (identifier or b"null") + b',"error":' + body + b"}"


def _asks(asked: Asked) -> bool:
    """Whether it is a request: it has a method and an id that can be answered."""
    return bool(asked.methods) and asked.id is not None
