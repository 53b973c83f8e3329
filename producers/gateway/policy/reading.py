"""Every way in which a server may read one client line or body. Wider than any single parser: it merges what parsers
choose between, so a message is only taken for harmless when it is harmless to all of them.

Wider by: both readings of duplicate keys, keys in any case (Go's encoding/json, Jackson, .NET by setting), bytes that
are no UTF-8 replaced or left out, a byte order mark, control characters in strings, NaN, elements of nested batches,
and the pieces of a line that some line readers cut where others do not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from ..observer.parse import compact, parse

__all__ = ["Asked", "Reading", "read", "read_line"]

_BLANKS = " \t\r\n"
_BOM = "\ufeff"
_DIGITS = 4000
_MOST_CUTS = 256  # in a line; what is cut more often cannot be inspected
_MOST_ELEMENTS = 4096  # of a batch and of those in it; what holds more cannot be inspected either
_CUTS = (  # where a line reader may end a line besides LF: Python and Java, Node's readline, str.splitlines
    re.compile("\r"),
    re.compile("[\r\u2028\u2029]"),
    re.compile("[\r\v\f\x1c-\x1e\x85\u2028\u2029]"),
)
_CUTTING = b"\r\v\f\x1c\x1d\x1e"  # the ASCII ones


class _Members(list[tuple[str, Any]]):
    """An object with all its members, equal names included."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One message. `methods` and `names` (of `params.name`) hold every candidate; None is a name that is no text."""

    methods: tuple[str, ...]
    names: tuple[str | None, ...]
    id: bytes | None  # JSON text, where a reply could carry it

    @property
    def calls_tool(self) -> bool:
        return any(method.partition("\0")[0].strip().casefold() == "tools/call" for method in self.methods)


@dataclass(frozen=True, slots=True)
class Reading:
    """The messages of one line or body, grouped as they would be answered: a group of a batch by one array."""

    groups: tuple[tuple[Asked, ...], ...] = ()
    batches: tuple[bool, ...] = ()
    readable: bool = True

    @property
    def messages(self) -> Iterator[Asked]:
        for group in self.groups:
            yield from group


class _Unreadable(Exception):
    """Not exactly one JSON value."""


def read(data: bytes, *, complete: bool = True) -> Reading:
    """The reading of a whole body. `complete` says whether `data` is all of it."""
    if not complete:
        return Reading(((_asked(parse(data, complete=False).value),),), (False,), readable=False)
    data = data.strip(b" \t\r\n")
    if not data:
        return Reading()
    try:
        values = [(*_elements(value), _is_batch(value)) for value in _texts(data)]
    except (_Unreadable, RecursionError):
        return Reading(((_asked(parse(data, complete=False).value),),), (False,), readable=False)
    groups = dict.fromkeys((tuple(map(_asked, elements)), batch) for elements, _, batch in values)
    whole = all(whole for _, whole, _ in values)
    return Reading(tuple(group for group, _ in groups), tuple(batch for _, batch in groups), whole)


def read_line(line: bytes, *, complete: bool = True) -> Reading:
    """The reading of one line with or without its LF, pieces of it included."""
    whole = read(line, complete=complete)
    body = line.rstrip(b"\r\n")
    if body.isascii() and len(body.translate(None, _CUTTING)) == len(body):  # faster than a pattern, and the usual case
        return whole
    text = line.decode(errors="surrogateescape")
    pieces = [_pieces(text, cut) for cut in _CUTS]
    every = [*(reading for part in pieces for reading in part), whole]
    seen = dict.fromkeys(group for reading in every for group in zip(reading.groups, reading.batches, strict=True))
    lines = complete and bool(pieces[0]) and all(reading.readable for reading in pieces[0])
    cuts = max(map(len, pieces))
    readable = cuts <= _MOST_CUTS and (whole.readable or lines)
    return Reading(tuple(group for group, _ in seen), tuple(batch for _, batch in seen), readable)


def _pieces(text: str, cut: re.Pattern[str]) -> list[Reading]:
    parts = cut.split(text, _MOST_CUTS)
    return [read(part.encode(errors="surrogateescape")) for part in parts] if len(parts) > 1 else []


def _texts(data: bytes) -> Iterator[Any]:
    """The values that readers may take `data` for: one, or two where it is not UTF-8."""
    try:
        value = orjson.loads(data)
        if orjson.dumps(value) == data:  # written compactly: no two members have one name
            yield value
            return
    except (ValueError, TypeError):
        pass
    for text in dict.fromkeys(data.decode(errors=errors) for errors in ("replace", "ignore")):
        yield _value(text.removeprefix(_BOM).strip(_BLANKS))


def _value(text: str) -> Any:
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError as error:
        raise _Unreadable from error
    if end != len(text):
        raise _Unreadable
    return value


def _elements(value: Any) -> tuple[list[Any], bool]:
    """The elements of a batch, of batches in it too, and whether these are all; the value itself where it is none."""
    found: list[Any] = []
    waiting = [value]
    left = _MOST_ELEMENTS
    while waiting and left:
        left -= 1
        item = waiting.pop()
        if _is_batch(item):
            waiting.extend(reversed(item))
        else:
            found.append(item)
    return found, not waiting


def _is_batch(value: Any) -> bool:
    return isinstance(value, list) and not isinstance(value, _Members)


def _asked(body: Any) -> Asked:
    names: list[str | None] = []
    for params in _values(body, "params"):
        found = _values(params, "name")
        names += [name if isinstance(name, str) else None for name in found] or [None]
    methods = tuple(method for method in _values(body, "method") if isinstance(method, str))
    return Asked(methods, tuple(dict.fromkeys(names)) or (None,), _lexeme(body))


def _values(body: Any, key: str) -> list[Any]:
    return [value for name, value in _members(body) if name == key or name.casefold() == key]


def _members(body: Any) -> Iterable[tuple[str, Any]]:
    return body.items() if isinstance(body, dict) else body if isinstance(body, _Members) else ()


def _lexeme(body: Any) -> bytes | None:
    """The id as a client would find it in a reply; the last one where there are two."""
    values = [value for name, value in _members(body) if name == "id"]
    value = values[-1] if values else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else compact(value)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _DIGITS else math.inf


_DECODER = json.JSONDecoder(object_pairs_hook=_Members, parse_int=_integer, strict=False)
