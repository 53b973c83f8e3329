"""What a parsed value is as a JSON-RPC message. Invalid is what no known server acts on; its anomalies say why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parse import Parsed, compact, ordered, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ....models.events import MessageKind
    from .framing import Frame
    from .ledger import MessageId

__all__ = ["CONTINUES", "Shape", "message_id", "shapes", "told"]

_SAFE_INTEGER = 2**53
_MOST_DESCRIBED = 256
CONTINUES = ("inputResponses", "requestState")  # what a retry of a request brings
_OF_A_TRY = frozenset({"_meta", *CONTINUES})  # what differs between two tries of one request
_ENDING = ("notifications/cancelled", "notifications/tasks", "notifications/tasks/status")  # they need no id
_INERT = frozenset({"bom", "trailing-data", "jsonrpc-version"})


class Shape:
    """One message of a frame, before anything is known of its connection. `params` is empty where it has none.

    `described` is false where a batch is so long that only its calls are told; with `unread` it is no message but so
    many elements of such a batch.
    """

    __slots__ = ("anomalies", "body", "described", "id", "kind", "lexeme", "params", "partial", "unread")

    def __init__(  # noqa: PLR0917 - one a message, as in Frame
        self,
        kind: MessageKind,
        body: dict[str, Any],
        params: dict[str, Any],
        identifier: MessageId | None,
        lexeme: str | None,
        anomalies: set[str],
        *,
        partial: bool = False,
        described: bool = True,
        unread: int = 0,
    ) -> None:
        self.kind, self.body, self.params = kind, body, params
        self.id, self.lexeme, self.anomalies = identifier, lexeme, anomalies
        self.partial, self.described, self.unread = partial, described, unread

    @property
    def starts_tool(self) -> bool:
        """Whether it is a tool call that continues none."""
        if self.kind != "request" or self.body["method"] != "tools/call":
            return False
        return not any(name in self.params for name in CONTINUES)


def shapes(frame: Frame) -> Iterable[Shape]:
    """The messages in a frame: one, all of a batch, or none where a second reading of a line repeats the first."""
    parsed = parse(frame.data, complete=frame.complete, tail=frame.tail)
    if frame.mark != "lf":
        if frame.mark == "line" and (parsed.value is None or "trailing-data" in parsed.anomalies):
            return []
        parsed.anomalies.add("no-final-newline" if frame.mark == "eof" else "bare-cr")
    if isinstance(parsed.value, list):
        return _batch(parsed.value, parsed.anomalies | {"batch"})
    return [_shape(parsed)]


def _batch(items: list[Any], anomalies: set[str]) -> Iterator[Shape]:
    """A call behind many others is a call. Only the first 256 elements are worth a description; of the rest, what
    neither starts nor ends a call is counted without being read."""
    unread = 0
    for number, item in enumerate(items or [None]):
        if number < _MOST_DESCRIBED:
            yield _shape(Parsed(item, set(anomalies)))
        elif _of_a_call(item):
            shape = _shape(Parsed(item, set(anomalies)))
            shape.described = False
            shape.anomalies.add("batch-truncated")
            yield shape
        else:
            unread += 1
    if unread:
        yield Shape("invalid", {}, {}, None, None, {"batch-truncated"}, described=False, unread=unread)


def _of_a_call(item: object) -> bool:
    return type(item) is dict and ("id" in item or item.get("method") in _ENDING)


def _shape(parsed: Parsed) -> Shape:
    body, anomalies = parsed.value, parsed.anomalies
    if type(body) is not dict:
        if body is not None:
            anomalies.add("no-object")
        return Shape("invalid", {}, {}, None, None, anomalies)
    if body.get("jsonrpc") != "2.0":
        anomalies.add("jsonrpc-version")
    identifier: MessageId | None = None
    lexeme = None
    if "id" in body:
        value = body["id"]
        if type(value) is int and -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
            identifier, lexeme = ("integer", value), str(value)
        else:
            identifier, lexeme = message_id(value, anomalies), compact(value).decode()
    kind = _kind(body, identifier) if not anomalies or anomalies.isdisjoint(_INERT) else "invalid"
    params = body.get("params")
    if type(params) is not dict:
        params = {}
    return Shape(kind, body, params, identifier, lexeme, anomalies, partial=parsed.partial)


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


def told(params: dict[str, Any]) -> bytes:
    """The parameters of a request in one text, the same for a replay and for an honest retry."""
    if not _OF_A_TRY.isdisjoint(params):
        params = {name: value for name, value in params.items() if name not in _OF_A_TRY}
    return ordered(params)


def _kind(body: dict[str, Any], identifier: MessageId | None) -> MessageKind:
    if isinstance(body.get("method"), str):
        return "request" if identifier else "invalid" if "id" in body else "notification"
    if "error" in body:
        return "error"
    return "response" if "result" in body and identifier else "invalid"
