"""One frame to what its readers may see in it: the JSON value, and everything about it on which parsers disagree.

Reads like the most lenient server (invalid UTF-8 replaced, NaN accepted, the last of two equal keys wins) and says so.
Never raises. What nests too deep or is too large is read at its top level only.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

__all__ = ["Parsed", "compact", "ordered", "parse"]

_SAFE_INTEGER = 2**53
_DIGITS = 4000
_ZEROED = bytes(0x30 if chr(octet).isdecimal() else octet for octet in range(128)) + bytes(range(128, 256))
_MANY_DIGITS = b"0" * 16  # no integer of fewer digits is beyond 2^53
_SHALLOW_BYTES = 262_144
_BOM = "\ufeff"
_BLANKS = " \t\r\n"
_BLANK = _BLANKS.encode()
_STARTS = frozenset('{["-0123456789tfnNI')  # of what can be read at all
_TOKEN = re.compile(  # possessive, and an unfinished string runs to the end: linear on any input
    r'(?P<string>"(?:[^"\\]|\\.)*+(?:"|\\?\Z))(?P<colon>\s*:)?|(?P<open>[\[{])|(?P<close>[\]}])|[^\s\[\]{}:,"]+',
    re.DOTALL,
)
_CONTENTS = frozenset({"result", "error"})
_STRING = r'"(?:[^"\\]|\\.){0,512}+"'
_MEMBER = rf"({_STRING})\s*+:\s*+({_STRING}|[-\d.eE+]{{1,64}}+|true|false|null)"
_ENDING = rf"(?s)(?:,\s*+{_MEMBER}\s*+)++\}}\s*+\Z"


class Parsed:
    """`value` is None where nothing could be read; `anomalies` in no order; `partial`: only the top level was read."""

    __slots__ = ("anomalies", "partial", "value")

    def __init__(self, value: Any, anomalies: set[str], *, partial: bool = False) -> None:
        self.value, self.anomalies, self.partial = value, anomalies, partial


def parse(data: bytes, *, complete: bool = True, tail: bytes = b"") -> Parsed:
    """Read one frame; `complete` says whether `data` is all of it, else `tail` may be its end."""
    if not complete:
        value = _shallow(data)
        return Parsed(value | _trailing(tail) if value else value, {"oversize"}, partial=True)
    try:
        value = orjson.loads(data)
        written = orjson.dumps(value)
    except (ValueError, TypeError):
        return _lenient(data)
    # but for blanks the same: nothing was lost in reading it, so no two readings exist (big integers aside)
    if written != data and written.translate(None, _BLANK) != data.translate(None, _BLANK):
        return _lenient(data)
    return _lenient(data) if _MANY_DIGITS in data.translate(_ZEROED) else Parsed(value, set())


def compact(value: Any) -> bytes:
    """JSON text of a parsed value without blanks; empty where it nests too deep to be written."""
    try:
        return orjson.dumps(value)
    except TypeError:  # integers beyond 64 bits, lone surrogates, more than 254 levels
        return _written(value, ordered=False)


def ordered(value: Any) -> bytes:
    """The same with members sorted by name, so that equal values have one text."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _written(value, ordered=True)


def _written(value: Any, *, ordered: bool) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), sort_keys=ordered).encode()
    except RecursionError:
        return b""


def _lenient(data: bytes) -> Parsed:
    found: set[str] = set()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        found.add("invalid-utf8")
        text = data.decode(errors="replace")
    if text.startswith(_BOM):
        found.add("bom")
        text = text.removeprefix(_BOM)
    text = text.strip(_BLANKS)
    if text[:1] not in _STARTS:
        return Parsed(None, found | {"invalid-json"})
    try:
        value, end = _Reader(found).raw_decode(text)
    except RecursionError:
        return Parsed(_shallow(data), found | {"too-deep"}, partial=True)
    except ValueError:
        return Parsed(None, found | {"invalid-json"})
    if end != len(text):
        found.add("trailing-data")
    return Parsed(value, found)


class _Reader(json.JSONDecoder):
    """json's decoder, noting what strict readers would refuse or read otherwise."""

    def __init__(self, found: set[str]) -> None:
        self._found = found
        super().__init__(object_pairs_hook=self._members, parse_constant=self._constant, parse_int=self._integer)

    def _members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            self._found.add("duplicate-key")
        return members

    def _constant(self, name: str) -> float:
        self._found.add("nan")
        return float(name.replace("Infinity", "inf"))

    def _integer(self, digits: str) -> Any:
        value = int(digits) if len(digits) < _DIGITS else None
        if value is None or abs(value) > _SAFE_INTEGER:
            self._found.add("big-int")
        return float("inf") if value is None else value


def _shallow(data: bytes) -> dict[str, Any] | None:
    """Scalar members of the top-level object and of its `params`, by tokens instead of recursion; and whether it has a
    result or an error.
    """
    top: dict[str, Any] = {}
    params: dict[str, Any] = {}
    path: list[str] = []
    key = ""
    for token in _TOKEN.finditer(data[:_SHALLOW_BYTES].decode(errors="replace")):
        if token["colon"]:
            key = str(_scalar(token["string"]))
        elif token["open"]:
            if key in _CONTENTS and len(path) == 1:
                top[key] = {}
            path.append(key)
            key = ""
        elif token["close"]:
            del path[-1:]
        elif key:
            if len(path) == 1:
                top[key] = _scalar(token[0])
            elif path[1:] == ["params"]:
                params[key] = _scalar(token[0])
            key = ""  # or the start of the next name, where the text is cut in it, would take its place
    return top | {"params": params} if top else None


def _trailing(tail: bytes) -> dict[str, Any]:
    """The scalar members that end the top-level object: of two equal keys the last counts."""
    end = re.search(_ENDING, tail.decode(errors="replace"))
    return {str(_scalar(name)): _scalar(value) for name, value in re.findall(_MEMBER, end[0])} if end else {}


def _scalar(lexeme: str) -> Any:
    try:
        return orjson.loads(lexeme)
    except ValueError:
        return None
