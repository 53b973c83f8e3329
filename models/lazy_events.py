"""Execution events read no further than the join looks: the rest stays bytes until it leaves as an effect.

Knows the layout of ExecutionEvent and Effect in today's schemas by heart and refuses another one; what is laid out
unusually (an array in several blocks) raises, and is for the general reader to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from .events import Binding, ExecutionKind
from .native import i64, mypyc_attr
from .varint import long, more, past

__all__ = ["Body", "EventReader", "LazyEvent", "knows_layout"]

_EVENT: Final = (
    *("kind", "mono_ns", "pid", "start_ns", "tid", "ppid", "uid", "comm", "calls", "binding", "evidence", "path"),
    *("path_source", "flags", "result", "inode", "address", "port", "local_port", "protocol", "bytes_out", "bytes_in"),
    *("arguments", "digests", "count", "detail"),
)
_DETAIL: Final = (
    *("operation", "via", "name", "target_pid", "device", "links", "layer", "writable", "sha256", "truncated"),
    *("mapped", "other_path", "received"),
)
_REMEMBERED: Final = 8192
_LONG: Final = 1024  # bytes of a body that repeats: those are short, and senders of longer ones choose what we remember
_UNUSUAL: Final = 0x81  # of a length's first byte: negative, or more than one byte
_KINDS: Final = len(get_args(ExecutionKind))
_PATH_SOURCES: Final = 3
_VIAS: Final = 5
_LAYERS: Final = 6
_OF_CODE: Final[dict[int, Binding]] = {2 * number: binding for number, binding in enumerate(get_args(Binding))}


@mypyc_attr(acyclic=True)
class Body:
    """What repeats from event to event. `evidence` and each of `digests` are as text() gives them, `kind` is one byte.
    `named` are the bytes of comm and path, `traffic` those of address, port, protocol, bytes_out, bytes_in and
    arguments, `tie` those of binding, no candidates and evidence, `last` those of count and detail."""

    __slots__ = (
        *("address", "binding", "calls", "digests", "evidence", "kind", "last", "named", "path", "stands_for", "tie"),
        "traffic",
    )

    def __init__(  # noqa: PLR0917 - written out, as it is compiled
        self,
        kind: int,
        calls: tuple[int, ...],
        code: int,
        evidence: bytes,
        path: str | None,
        address: str | None,
        digests: tuple[bytes, ...],
        named: bytes,
        traffic: bytes,
        last: bytes,
        stands_for: int,
    ) -> None:
        self.kind = bytes((kind,))
        self.calls = calls
        self.binding: Binding = _OF_CODE[code]
        self.evidence = evidence
        self.path = path
        self.address = address
        self.digests = digests
        self.named = named
        self.traffic = traffic
        self.tie = bytes((code, 0)) + evidence
        self.last = last
        self.stands_for = stands_for


@mypyc_attr(acyclic=True)
class LazyEvent:
    """One execution event. `ids` (mono_ns and pid) and `opened` (path_source, flags, result) are bytes."""

    __slots__ = ("body", "ids", "mono_ns", "opened")

    def __init__(self, mono_ns: int, ids: bytes, opened: bytes, body: Body) -> None:
        self.mono_ns = mono_ns
        self.ids = ids
        self.opened = opened
        self.body = body


def knows_layout(event: Mapping[str, Any]) -> bool:
    """Whether this is the schema of the execution events that are read here."""
    *_, detail = event["fields"]
    return _names(event) == _EVENT and _names(detail["type"][1]) == _DETAIL


def _names(record: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(field["name"] for field in record["fields"])


class EventReader:
    """Reads events, and remembers bodies: bytes that begin with one that it has read are the same again."""

    def __init__(self) -> None:
        # of each kind, by what stands up to the path: what follows the inode
        self._known: list[dict[bytes, tuple[bytes, Body]]] = [{} for _ in range(_KINDS)]
        self._held = 0

    def read(self, data: bytes, at: i64) -> tuple[list[LazyEvent], i64]:
        """The events of the array that begins at `at`, and where it ends. Raises ValueError or LookupError."""
        many, at = _length_at(data, at)
        events: list[LazyEvent] = []
        for _ in range(many):
            event, at = self._event(data, at)
            events.append(event)
        return events, _end(data, at) if many else at

    def _event(self, data: bytes, at: i64) -> tuple[LazyEvent, i64]:
        kind = _symbol(data[at], _KINDS)
        begin = at + 1
        mono_ns, at = long(data, begin)
        at = past(data, at, 1)
        ids = data[begin:at]
        start = past(data, at, 4)
        middle = _behind_path(data, start)
        beginning = data[start:middle] if middle else b""
        known = self._known[kind >> 1]
        found = known.get(beginning)
        if found is not None:
            rest, body = found
            after, at = _opened(data, middle)
            end = at + len(rest)
            if data[at:end] == rest:
                return LazyEvent(mono_ns, ids, data[middle:after], body), end
        body, opened, start, at = _body(data, start, kind)
        if middle and at - begin <= _LONG:
            if found is None:
                self._make_room()
            known[beginning] = data[start:at], body
        return LazyEvent(mono_ns, ids, opened, body), at

    def _make_room(self) -> None:
        """For one more, of all kinds together: whoever opens files chooses how long their paths are."""
        if self._held >= _REMEMBERED:
            for known in self._known:
                known.clear()
            self._held = 0
        self._held += 1


def _behind_path(data: bytes, at: i64) -> i64:
    """Where the path of a body ends; 0 where the body names several calls or has unusual lengths."""
    comm: i64 = data[at]
    at += 1 + (comm >> 1)
    if comm & _UNUSUAL:
        return 0
    if data[at] == 0:  # no call
        at += 2
    elif data[at] == 2 and data[at + 1] < 128 and data[at + 2] == 0:  # one call
        at += 4
    else:
        return 0
    evidence: i64 = data[at]
    at += 1 + (evidence >> 1)
    if evidence & _UNUSUAL:
        return 0
    if data[at] != 2:
        return at + 1
    size: i64 = data[at + 1]
    more_of_it: i64 = data[at + 2]
    if size < 128:
        return at + 2 + (size >> 1)
    return at + 3 + (size & 127 | more_of_it << 7) // 2 if more_of_it < 128 else 0


def _body(data: bytes, start: i64, kind: int) -> tuple[Body, bytes, i64, i64]:
    """The body, what was opened, where that and the inode end, and where the event ends."""
    at = _end_of_text(data, start)
    comm = data[start:at]
    calls, at = _calls(data, at)
    code = data[at]
    start, at = at + 1, _end_of_text(data, at + 1)
    evidence = data[start:at]
    start = at
    path, at = _optional_text(data, at)
    named = comm + data[start:at]
    start, (after, rest) = at, _opened(data, at)
    opened = data[start:after]
    address, peer, at = _peer(data, rest)
    flow, at = _flow(data, at)
    digests, at = _texts(data, at)
    count, after = long(data, at)
    end = _end_of_detail(data, after)
    last, stands_for = data[at:end], max(1, count)
    return (
        Body(kind, calls, code, evidence, path, address, digests, named, peer + flow, last, stands_for),
        opened,
        rest,
        end,
    )


def _calls(data: bytes, at: i64) -> tuple[tuple[int, ...], i64]:
    many, at = _length_at(data, at)
    if not many:
        return (), at
    calls: list[int] = []
    for _ in range(many):
        call, at = long(data, at)
        calls.append(call)
    return tuple(calls), _end(data, at)


def _opened(data: bytes, at: i64) -> tuple[i64, i64]:
    """Behind path_source, flags and result, and behind the inode."""
    _symbol(data[at], _PATH_SOURCES)
    at = past(data, at + 1, 2)
    return at, past(data, at, 1)


def _peer(data: bytes, start: i64) -> tuple[str | None, bytes, i64]:
    """The address, the bytes of address and port, and where the local port ends."""
    address, at = _optional_text(data, start)
    at = _optional_number(data, at)
    return address, data[start:at], _optional_number(data, at)


def _flow(data: bytes, start: i64) -> tuple[bytes, i64]:
    _, at = _optional_text(data, start)
    _, at = _texts(data, past(data, at, 2))
    return data[start:at], at


def _end_of_detail(data: bytes, at: i64) -> i64:
    if data[at] != 2:
        return _end(data, at)
    at = _end_of_text(data, at + 1)
    _symbol(data[at], _VIAS)
    _, at = _optional_text(data, at + 1)
    at = past(data, at, 3)
    _symbol(data[at], _LAYERS)
    at = _flag(data, at + 2) if data[at + 1] == 2 else _end(data, at + 1)
    _, at = _optional_text(data, at)
    at = past(data, _flag(data, at), 1)
    _, at = _optional_text(data, at)
    return _flag(data, at)


def _texts(data: bytes, at: i64) -> tuple[tuple[bytes, ...], i64]:
    """The bytes of each text of an array, and where that ends."""
    many, at = _length_at(data, at)
    if not many:
        return (), at
    texts: list[bytes] = []
    for _ in range(many):
        start, at = at, _end_of_text(data, at)
        texts.append(data[start:at])
    return tuple(texts), _end(data, at)


def _end_of_text(data: bytes, at: i64) -> i64:
    size, at = _length_at(data, at)
    data[at : at + size].decode("utf-8")  # refused here, or it would be passed on
    return at + size


def _optional_text(data: bytes, at: i64) -> tuple[str | None, i64]:
    if data[at] != 2:
        return None, _end(data, at)
    size, at = _length_at(data, at + 1)
    return data[at : at + size].decode("utf-8"), at + size


def _optional_number(data: bytes, at: i64) -> i64:
    return past(data, at + 1, 1) if data[at] == 2 else _end(data, at)


def _symbol(code: int, many: int) -> int:
    """The code of one of so many symbols as it stands on the wire."""
    if code & 1 or code >> 1 >= many:
        raise ValueError("a symbol that the enumeration does not have")
    return code


def _flag(data: bytes, at: i64) -> i64:
    """Behind a boolean."""
    if data[at] > 1:
        raise ValueError("neither true nor false")
    return at + 1


def _length_at(data: bytes, at: i64) -> tuple[i64, i64]:
    """The length of a text or of an array's only block, and where that begins."""
    n: i64 = data[at]
    at += 1
    if n > 127:
        n, at = more(data, at, n)
    if n & 1:
        raise ValueError("a negative length")
    return n >> 1, at


def _end(data: bytes, at: i64) -> i64:
    """Behind the byte that ends an array, or says that there is no value."""
    if data[at]:
        raise ValueError("more than one block, or a branch that a union does not have")
    return at + 1
