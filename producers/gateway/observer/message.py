"""What a parsed value is as a JSON-RPC message. Invalid is what no known server acts on; its anomalies say why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ....models.events import MessageKind
from .framing import Frame
from .ledger import MessageId
from .parse import Parsed, compact, parse

__all__ = ["Shape", "message_id", "shapes"]

_SAFE_INTEGER = 2**53
_MOST_DESCRIBED = 256
_CONTINUES = ("inputResponses", "requestState")
_INERT = frozenset({"bom", "trailing-data", "jsonrpc-version"})


@dataclass(slots=True)
class Shape:
    """One message of a frame, before anything is known of its connection."""

    kind: MessageKind
    body: dict[str, Any]
    id: MessageId | None
    lexeme: str | None
    anomalies: set[str]
    partial: bool = False
    described: bool = True  # false where a batch is so long that only its calls are told

    @property
    def params(self) -> dict[str, Any]:
        params = self.body.get("params")
        return params if isinstance(params, dict) else {}

    @property
    def starts_tool(self) -> bool:
        """Whether it is a tool call that continues none."""
        if self.kind != "request" or self.body["method"] != "tools/call":
            return False
        return not any(name in self.params for name in _CONTINUES)


def shapes(frame: Frame) -> Iterator[Shape]:
    """The messages in a frame: one, all of a batch, or none where a second reading of a line repeats the first."""
    parsed = parse(frame.data, complete=frame.complete)
    if frame.mark == "line" and (parsed.value is None or "trailing-data" in parsed.anomalies):
        return
    if frame.mark in ("cr", "line"):
        parsed.anomalies.add("bare-cr")
    elif frame.mark == "eof":
        parsed.anomalies.add("no-final-newline")
    if isinstance(parsed.value, list):
        yield from _batch(parsed.value, parsed.anomalies | {"batch"})
    else:
        yield _shape(parsed)


def _batch(items: list[Any], anomalies: set[str]) -> Iterator[Shape]:
    """Every element: a call behind many others is a call. Only the first 256 are worth a description."""
    for number, item in enumerate(items or [None]):
        shape = _shape(Parsed(item, set(anomalies)))
        if number >= _MOST_DESCRIBED:
            shape.described = False
            shape.anomalies.add("batch-truncated")
        yield shape


def _shape(parsed: Parsed) -> Shape:
    body, anomalies = parsed.value, parsed.anomalies
    if not isinstance(body, dict):
        if body is not None:
            anomalies.add("no-object")
        return Shape("invalid", {}, None, None, anomalies)
    if body.get("jsonrpc") != "2.0":
        anomalies.add("jsonrpc-version")
    identifier = message_id(body["id"], anomalies) if "id" in body else None
    lexeme = compact(body["id"]).decode() if "id" in body else None
    kind = _kind(body, identifier) if anomalies.isdisjoint(_INERT) else "invalid"
    return Shape(kind, body, identifier, lexeme, anomalies, parsed.partial)


def message_id(value: object, anomalies: set[str]) -> MessageId | None:
    """The key of an id; None for what servers refuse. `1.0` is an id to those that read it as 1, and an anomaly."""
    if isinstance(value, str):
        return "string", value
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > _SAFE_INTEGER:
            anomalies.add("big-int")
        return "integer", value
    anomalies.add("id-null" if value is None else "id-type")
    return ("integer", int(value)) if isinstance(value, float) and value.is_integer() else None


def _kind(body: dict[str, Any], identifier: MessageId | None) -> MessageKind:
    if isinstance(body.get("method"), str):
        return "request" if identifier else "invalid" if "id" in body else "notification"
    if "error" in body:
        return "error"
    return "response" if "result" in body and identifier else "invalid"
