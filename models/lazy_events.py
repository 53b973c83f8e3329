"""Execution events read no further than the join looks: the rest stays bytes until it leaves as an effect.

Knows the layout of ExecutionEvent and Effect in today's schemas by heart and refuses another one; what is laid out
unusually (an array in several blocks) raises, and is for the general reader to judge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from .events import Binding, ExecutionKind
from .specialised import more

__all__ = ["Body", "EventReader", "LazyEvent", "knows_layout", "length_at", "number"]

_EVENT = (
    *("kind", "mono_ns", "pid", "start_ns", "tid", "ppid", "uid", "comm", "calls", "binding", "evidence", "path"),
    *("path_source", "flags", "result", "inode", "address", "port", "local_port", "protocol", "bytes_out", "bytes_in"),
    *("arguments", "digests", "count", "detail"),
)
_DETAIL = (
    *("operation", "via", "name", "target_pid", "device", "links", "layer", "writable", "sha256", "truncated"),
    *("mapped", "other_path", "received"),
)
_NUMBER = rb"[\x80-\xff]{0,9}+[\x00-\x7f]"  # every byte but the last has its high bit set
_PORT = rb"(?:\x00|\x02" + _NUMBER + rb")"
_KIND = b"".join(re.escape(bytes((2 * kind,))) for kind in range(len(get_args(ExecutionKind))))
_BEGIN = re.compile(rb"([" + _KIND + rb"])((" + _NUMBER + rb")" + _NUMBER + rb")(?:" + _NUMBER + rb"){4}").match
_TIE = re.compile(rb"(?:\x00|\x02([\x00-\x7f])\x00)([\x00\x02\x04\x06\x08\x0a])").match  # to no call or one
_OPENED = re.compile(rb"([\x00\x02\x04]" + _NUMBER * 2 + rb")" + _NUMBER).match
_AFTER_ADDRESS = re.compile(rb"(" + _PORT + rb")" + _PORT).match
_TRAFFIC = re.compile(_NUMBER * 2).match
_COUNT = re.compile(_NUMBER).match
_VIA = re.compile(rb"[\x00\x02\x04\x06\x08]").match
_PLACED = re.compile(_NUMBER * 3 + rb"[\x00\x02\x04\x06\x08\x0a](?:\x00|\x02[\x00\x01])").match
_FLAG = re.compile(rb"[\x00\x01]").match
_FLAG_AND_COUNT = re.compile(rb"[\x00\x01]" + _NUMBER).match
_REMEMBERED = 8192
_UNUSUAL = 0x81  # of a length's first byte: negative, or more than one byte
_OF_CODE: dict[bytes, Binding] = {bytes([2 * number]): binding for number, binding in enumerate(get_args(Binding))}


class Body:
    """What repeats from event to event. `evidence` and `digests` are bytes as text() gives them. `named` are the bytes
    of comm and path, `traffic` those of address, port, protocol, bytes_out, bytes_in and arguments, `last` those of
    count and detail."""

    __slots__ = (
        *("address", "binding", "calls", "digests", "evidence", "last", "named", "path", "stands_for", "traffic"),
    )

    def __init__(  # noqa: PLR0917 - written out, as it is compiled
        self,
        calls: tuple[int, ...],
        binding: Binding,
        evidence: bytes,
        path: str | None,
        address: str | None,
        digests: bytes,
        named: bytes,
        traffic: bytes,
        last: bytes,
        stands_for: int,
    ) -> None:
        self.calls = calls
        self.binding = binding
        self.evidence = evidence
        self.path = path
        self.address = address
        self.digests = digests
        self.named = named
        self.traffic = traffic
        self.last = last
        self.stands_for = stands_for


class LazyEvent:
    """One execution event. `kind`, `ids` (mono_ns and pid) and `opened` (path_source, flags, result) are bytes."""

    __slots__ = ("body", "ids", "kind", "mono_ns", "opened")

    def __init__(self, mono_ns: int, kind: bytes, ids: bytes, opened: bytes, body: Body) -> None:
        self.mono_ns = mono_ns
        self.kind = kind
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
        # by kind and what stands up to the path: what follows the inode
        self._known: dict[bytes, tuple[bytes, Body]] = {}

    def read(self, data: bytes, at: int) -> tuple[list[LazyEvent], int]:
        """The events of the array that begins at `at`, and where it ends.

        Raises ValueError, AttributeError or LookupError.
        """
        many, at = length_at(data, at)
        events: list[LazyEvent] = []
        for _ in range(many):
            event, at = self._event(data, at)
            events.append(event)
        return events, _end(data, at) if many else at

    def _event(self, data: bytes, at: int) -> tuple[LazyEvent, int]:
        begin = _BEGIN(data, at)
        kind, ids, mono_ns = begin.group(1, 2, 3)  # type: ignore[union-attr]  # AttributeError: no event
        start = begin.end()  # type: ignore[union-attr]
        middle = _behind_path(data, start)
        beginning = kind + data[start:middle]
        known = self._known.get(beginning) if middle else None
        if known is not None:
            opened = _OPENED(data, middle)
            end = opened.end()  # type: ignore[union-attr]
            rest, body = known
            if data.startswith(rest, end):
                return LazyEvent(number(mono_ns), kind, ids, opened[1], body), end + len(rest)  # type: ignore[index]
        body, opened_bytes, start_of_rest, end = _body(data, start)
        if middle:
            self._remember(beginning, data[start_of_rest:end], body)
        return LazyEvent(number(mono_ns), kind, ids, opened_bytes, body), end

    def _remember(self, beginning: bytes, rest: bytes, body: Body) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[beginning] = rest, body


def _behind_path(data: bytes, at: int) -> int:
    """Where the path of a body ends; 0 where the body names several calls or has unusual lengths."""
    comm = data[at]
    at += 1 + (comm >> 1)
    if comm & _UNUSUAL:
        return 0
    if data[at] == 0:  # no call
        at += 2
    elif data[at] == 2 and data[at + 1] < 128 and data[at + 2] == 0:  # one call
        at += 4
    else:
        return 0
    evidence = data[at]
    at += 1 + (evidence >> 1)
    if evidence & _UNUSUAL:
        return 0
    if data[at] != 2:
        return at + 1
    size, more_of_it = data[at + 1], data[at + 2]
    if size < 128:
        return at + 2 + (size >> 1)
    return at + 3 + (size & 127 | more_of_it << 7) // 2 if more_of_it < 128 else 0


def _body(data: bytes, start: int) -> tuple[Body, bytes, int, int]:
    """The body, what was opened, where that and the inode end, and where the event ends."""
    at = _end_of_text(data, start)
    comm = data[start:at]
    calls, code, at = _stamp(data, at)
    start, at = at, _end_of_text(data, at)
    evidence = data[start:at]
    start = at
    path, at = _optional_text(data, at)
    named = comm + data[start:at]
    opened = _OPENED(data, at)
    rest = opened.end()  # type: ignore[union-attr]
    address, peer, at = _peer(data, rest)
    flow, at = _flow(data, at)
    start, at = at, _end_of_texts(data, at)
    digests = data[start:at]
    after = _COUNT(data, at).end()  # type: ignore[union-attr]
    count, end = data[at:after], _end_of_detail(data, after)
    ties = (calls, _OF_CODE[code], evidence)
    body = Body(*ties, path, address, digests, named, peer + flow, data[at:end], max(1, number(count)))
    return body, opened[1], rest, end  # type: ignore[index]


def _stamp(data: bytes, at: int) -> tuple[tuple[int, ...], bytes, int]:
    """The calls that an event names, the code of its binding, and where its evidence begins."""
    tie = _TIE(data, at)
    if tie is None:
        calls, at = _calls(data, at)
        return calls, data[at : at + 1], at + 1
    call, code = tie.group(1, 2)
    return () if call is None else (number(call),), code, tie.end()


def _calls(data: bytes, at: int) -> tuple[tuple[int, ...], int]:
    many, at = length_at(data, at)
    if not many:
        return (), at
    calls = []
    for _ in range(many):
        end = _COUNT(data, at).end()  # type: ignore[union-attr]
        calls.append(number(data[at:end]))
        at = end
    return tuple(calls), _end(data, at)


def _peer(data: bytes, start: int) -> tuple[str | None, bytes, int]:
    address, at = _optional_text(data, start)
    after = _AFTER_ADDRESS(data, at)
    return address, data[start : after.end(1)], after.end()  # type: ignore[union-attr]


def _flow(data: bytes, start: int) -> tuple[bytes, int]:
    _, at = _optional_text(data, start)
    at = _TRAFFIC(data, at).end()  # type: ignore[union-attr]
    at = _end_of_texts(data, at)
    return data[start:at], at


def _end_of_detail(data: bytes, at: int) -> int:
    if data[at] != 2:
        return _end(data, at)
    at = _VIA(data, _end_of_text(data, at + 1)).end()  # type: ignore[union-attr]
    _, at = _optional_text(data, at)
    at = _PLACED(data, at).end()  # type: ignore[union-attr]
    _, at = _optional_text(data, at)
    at = _FLAG_AND_COUNT(data, at).end()  # type: ignore[union-attr]
    _, at = _optional_text(data, at)
    return _FLAG(data, at).end()  # type: ignore[union-attr]


def _end_of_texts(data: bytes, at: int) -> int:
    many, at = length_at(data, at)
    if not many:
        return at
    for _ in range(many):
        at = _end_of_text(data, at)
    return _end(data, at)


def _end_of_text(data: bytes, at: int) -> int:
    size, at = length_at(data, at)
    str(data[at : at + size], "utf-8")  # refused here, or it would be passed on
    return at + size


def _optional_text(data: bytes, at: int) -> tuple[str | None, int]:
    if data[at] != 2:
        return None, _end(data, at)
    size, at = length_at(data, at + 1)
    return str(data[at : at + size], "utf-8"), at + size


def length_at(data: bytes, at: int) -> tuple[int, int]:
    """The length of a text or of an array's only block, and where that begins."""
    n = data[at]
    at += 1
    if n > 127:
        n, at = more(data, at, n)
    if n & 1:
        raise ValueError("a negative length")
    return n >> 1, at


def _end(data: bytes, at: int) -> int:
    """Behind the byte that ends an array, or says that there is no value."""
    if data[at]:
        raise ValueError("more than one block, or a branch that a union does not have")
    return at + 1


def number(data: bytes) -> int:
    """The value of a number's bytes. Up to eight groups of seven bits are drawn together two by two, as one integer."""
    n = data[0]
    if len(data) > 8:
        n, _ = more(data, 1, n)
    elif n > 127:
        n = int.from_bytes(data, "little")
        n = n & 0x007F007F007F007F | (n & 0x7F007F007F007F00) >> 1
        n = n & 0x00003FFF00003FFF | (n & 0x3FFF00003FFF0000) >> 2
        n = n & 0x0FFFFFFF | (n & 0x0FFFFFFF00000000) >> 4
    return n >> 1 ^ -(n & 1)
