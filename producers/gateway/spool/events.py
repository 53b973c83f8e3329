"""Records of one segment back to protocol events, strictly: the shipper's side of record.py."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import orjson

from ....models.events import ProtocolEvent
from .record import FORMAT

__all__ = ["NO_EVENT", "Events"]

NO_EVENT = (ValueError, TypeError, LookupError, AttributeError)  # what a record raises that holds no event
_BUILT = 256
_SEQUENCED = ("wall_ns", "producer", "sequence")
Fields = dict[str, Any]


class Events:
    """Keeps the heads of one segment as they come."""

    def __init__(self) -> None:
        self._heads: dict[int, bytes] = {}
        self._built: dict[int, Fields] = {}

    def learn(self, record: bytes) -> None:
        """Remember a head. Raises one of NO_EVENT where it is none of our format."""
        plain = orjson.loads(record)
        if plain["format"] != FORMAT:
            raise ValueError("a format that this version does not know")
        _fields(plain["fields"])
        self._heads[plain["head"]] = record

    def read(self, record: bytes) -> ProtocolEvent:
        """The event of a record that is no head. Raises one of NO_EVENT for anything else."""
        plain = orjson.loads(record)
        if "head" in plain:
            known = self._head(plain.pop("head")) | _fields(plain)
            if "event_id" not in known:
                known["event_id"] = _event_id(known)
            return ProtocolEvent(**known)
        if "event_id" not in plain:
            raise ValueError("neither a head nor a whole event")
        return ProtocolEvent(**_fields(plain))

    def _head(self, number: int) -> Fields:
        if number not in self._built:
            if len(self._built) >= _BUILT:
                self._built.clear()
            self._built[number] = _fields(orjson.loads(self._heads[number])["fields"])
        return self._built[number]


def _event_id(known: Fields) -> str:
    """A UUID of version 7 (RFC 9562) that the same record always gets: its instant, then whose event it is."""
    wall_ns, producer, sequence = (known[name] for name in _SEQUENCED)
    digits = hashlib.sha256(f"{producer}\0{sequence}".encode("utf-8", "surrogatepass")).hexdigest()
    instant = f"{wall_ns // 1_000_000 & 0xFFFFFFFFFFFF:012x}"
    variant = "89ab"[int(digits[3], 16) & 3]
    return f"{instant[:8]}-{instant[8:]}-7{digits[:3]}-{variant}{digits[4:7]}-{digits[7:19]}"


def _reader(hint: Any) -> Callable[[Any], Any]:
    """A function from JSON to a value of the type `hint`; it raises one of NO_EVENT for any other value."""
    kind, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return _record(hint)
    if kind is tuple:
        return _many(_reader(arguments[0]))
    if kind is Literal:
        return _one_of(frozenset(arguments))
    if type(None) in arguments:
        return _optional(_reader(arguments[0]))
    return _exactly(hint)


def _record(kind: type) -> Callable[[Any], Any]:
    build = _members(kind)
    return lambda plain: kind(**build(plain))


def _members(kind: type) -> Callable[[Fields], Fields]:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    return lambda plain: {name: readers[name](value) for name, value in plain.items()}


def _many(item: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise TypeError(f"{type(value).__name__} where a list belongs")
        return tuple(map(item, value))

    return read


def _one_of(symbols: frozenset[str]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value not in symbols:
            raise ValueError("a word that this field does not know")
        return value

    return read


def _optional(inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else inner(value)


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{type(value).__name__} where {kind.__name__} belongs")
        return value

    return read


_fields = _members(ProtocolEvent)
