"""Events to bytes and back: Confluent framing (0x00, schema id, Avro body) with ids from a committed manifest.

The only reader of avro/ and the only user of fastavro. Decodes with the writer's schema: a field this version does not
know is ignored, a field the writer did not know takes its default. No registry is needed; what one adds is resolved
against the schema of this version, so that no foreign schema changes the types of an event.
"""

from __future__ import annotations

import io
import json
import struct
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType, fingerprint, to_parsing_canonical_form

from . import events, lazy, specialised
from .errors import WireError
from .lazy import LazyBatch, LazyCall, LazyMessage
from .specialised import Read, Write
from .text import clean

__all__ = ["SCHEMAS", "Codec", "Release", "bundled", "constructor", "releases", "schema_fingerprint", "schema_id"]

SCHEMAS = Path(__file__).resolve().parents[1] / "avro"

E = TypeVar("E")
Plain = dict[str, Any]
_HEADER = struct.Struct(">bI")
_UNWRITABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, struct.error)
_UNREADABLE = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    EOFError,
    ArithmeticError,
    MemoryError,
    struct.error,
    SchemaResolutionError,
)
_NO_SCHEMA = (SchemaParseException, UnknownType, ValueError, TypeError, LookupError, AttributeError, RecursionError)
_TYPES: Mapping[str, type] = {
    "triptych.ProtocolEvent": events.ProtocolEvent,
    "triptych.ExecutionBatch": events.ExecutionBatch,
    "triptych.AgentSpan": events.AgentSpan,
    "triptych.Call": events.Call,
    "triptych.Alert": events.Alert,
    "triptych.DeadLetter": events.DeadLetter,
}
_RECORDS: Mapping[str, type] = {
    name: kind for name, kind in vars(events).items() if isinstance(kind, type) and is_dataclass(kind)
}


def schema_fingerprint(schema: Any) -> str:
    """CRC-64-AVRO of the parsing canonical form, 16 hex digits (Avro specification, 'Schema Fingerprints')."""
    return str(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


@dataclass(frozen=True, slots=True)
class Release:
    """One version of one event's schema, as the manifest lists it; `current` is the one that is written."""

    name: str
    id: int
    fingerprint: str
    schema: Plain
    current: bool


def _late(make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """A function that is made when it is called first: a process writes and reads few of the events."""
    made: list[Callable[..., Any]] = []

    def call(*arguments: Any) -> Any:
        if not made:
            made.append(make())
        return made[0](*arguments)

    return call


def _general(writer: Any, construct: Callable[[Plain], Any], resolved: Any = None) -> Read:
    """Reads any schema; `resolved` is the schema to resolve against, if any."""

    def read(data: bytes, at: int) -> tuple[Any, int]:
        body = io.BytesIO(data)
        body.seek(at)
        return construct(cast(Plain, fastavro.schemaless_reader(body, writer, resolved))), body.tell()

    return read


@dataclass(frozen=True, slots=True)
class _Lazily:
    """How the events of a kind are read lazily when they have this schema id."""

    schema_id: int
    kind: type
    read: Read


class Codec:
    """Encodes and decodes the events of one manifest. Ids are immutable, so a schema is parsed once."""

    def __init__(self) -> None:
        self._writers: dict[type, tuple[bytes, Write]] = {}
        self._current: dict[type, Any] = {}
        self._readers: dict[int, Read] = {}
        self._lazy: dict[type, _Lazily] = {}

    def add(self, schema_id: int, schema: Plain, *, current: bool = False) -> None:
        """Make `schema` known under `schema_id`; `current` also makes it the one that encode() writes."""
        kind, parsed = _parsed(schema_id, schema)
        self._readers[schema_id] = _general(parsed, constructor(kind))
        if not current:
            return
        self._current[kind] = schema
        self._readers[schema_id] = _late(lambda: specialised.reader(schema, _RECORDS))
        self._writers[kind] = (_HEADER.pack(0, schema_id), _late(lambda: specialised.writer(schema)))
        if kind is events.ExecutionBatch:
            self._lazy[LazyBatch] = _Lazily(schema_id, kind, _late(lambda: lazy.batch_reader(schema)))
        if kind is events.ProtocolEvent:
            self._lazy[LazyMessage] = _Lazily(schema_id, kind, _late(lambda: lazy.message_reader(schema)))
        if kind is events.Call:
            write = _late(lambda: lazy.call_writer(schema, self._current[events.ProtocolEvent]))
            self._writers[LazyCall] = (_HEADER.pack(0, schema_id), write)

    def learn(self, schema_id: int, schema: Any) -> None:
        """Make a schema from a registry known. Raises WireError W04 when it describes no event that encode() writes."""
        kind, parsed = _parsed(schema_id, schema)
        self._writer(kind)
        self._readers[schema_id] = _general(parsed, constructor(kind), fastavro.parse_schema(self._current[kind]))

    def knows(self, schema_id: int) -> bool:
        return schema_id in self._readers

    def encode(self, event: object) -> bytes:
        """Bytes of an event. Raises WireError W04 for a type without a schema, W03 for a value that does not fit."""
        header, write = self._writer(type(event))
        out = [header]
        try:
            write(event, out)
            return b"".join(out)
        except _UNWRITABLE as error:
            raise WireError(f"{type(event).__name__} does not fit its schema: {error}", code="W03") from error

    def decode(self, data: bytes, expected: type[E] | None = None) -> E:
        """The event in `data`. Raises WireError; never anything else, whatever the bytes are.

        Where a LazyMessage or a LazyBatch is expected, the event is read as one, and taken or refused just the same.
        """
        lazily = self._lazy.get(expected) if expected else None
        event = self._decode_lazily(data, lazily) if lazily else _read(self._reader(schema_id(data)), data)
        if expected is not None and not isinstance(event, expected):
            raise WireError(f"{type(event).__name__} where {expected.__name__} belongs", code="W04")
        return event  # type: ignore[no-any-return]

    def read(self, known_id: int, data: bytes, at: int) -> tuple[Any, int]:
        """The event whose body begins at a place, and where it ends. Raises WireError W02, W03."""
        try:
            return self._reader(known_id)(data, at)
        except _UNREADABLE as error:
            raise WireError(f"body does not fit its schema ({type(error).__name__})", code="W03") from error

    def _decode_lazily(self, data: bytes, lazily: _Lazily) -> Any:
        if schema_id(data) == lazily.schema_id:
            try:
                return _read(lazily.read, data)
            except WireError:
                pass  # or laid out as other writers may do: the general reader has the say
        return _read(lazily.read, self.encode(self.decode(data, lazily.kind)))

    def _reader(self, known_id: int) -> Read:
        try:
            return self._readers[known_id]
        except KeyError:
            raise WireError(
                f"schema id {known_id} is neither in the manifest nor in a registry",
                "upgrade this consumer, or give it a schema registry",
                code="W02",
            ) from None

    def _writer(self, kind: type) -> tuple[bytes, Write]:
        try:
            return self._writers[kind]
        except KeyError:
            raise WireError(f"{kind.__name__} has no schema", code="W04") from None


def _read(read: Read, data: bytes) -> Any:
    try:
        event, end = read(data, _HEADER.size)
    except _UNREADABLE as error:
        raise WireError(f"body does not fit its schema ({type(error).__name__})", code="W03") from error
    if end != len(data):
        what = f"{len(data) - end} bytes behind the end of the body" if end < len(data) else "the body is cut short"
        raise WireError(what, code="W03")
    return event


def schema_id(data: bytes) -> int:
    """The schema id in the frame of `data`. Raises WireError W01 when the frame is not Confluent's."""
    if len(data) < _HEADER.size or data[0] != 0:
        raise WireError("no Confluent frame: a zero byte and a four-byte schema id must come first", code="W01")
    return int(_HEADER.unpack_from(data)[1])


def bundled(folder: Path = SCHEMAS) -> Codec:
    """The codec of the committed manifest. Raises WireError W02 when a schema differs from its fingerprint there."""
    codec = Codec()
    for release in releases(folder):
        codec.add(release.id, release.schema, current=release.current)
    return codec


def releases(folder: Path = SCHEMAS) -> Iterator[Release]:
    """Every version in the committed manifest. Raises WireError W02 when one differs from its fingerprint there."""
    for name, versions in json.loads((folder / "manifest.json").read_text()).items():
        newest = max(entry["version"] for entry in versions)
        for entry in versions:
            current = entry["version"] == newest
            path = folder / (f"{name}.avsc" if current else f"history/{name}@{entry['version']}.avsc")
            schema = json.loads(path.read_text())
            if schema_fingerprint(schema) != entry["fingerprint"]:
                raise WireError(
                    f"{path.name} differs from its fingerprint in manifest.json",
                    "a released schema never changes: add a version (avro/README.md)",
                    code="W02",
                )
            yield Release(name, entry["id"], entry["fingerprint"], schema, current)


def _parsed(schema_id: int, schema: Any) -> tuple[type, Any]:
    """The event that a schema describes, and the schema as fastavro reads with it. Raises WireError W04."""
    name = _full_name(schema)
    if name not in _TYPES:
        raise WireError(f"schema {schema_id} describes {clean(name, 100) or 'no record'}, no event", code="W04")
    try:
        return _TYPES[name], fastavro.parse_schema(schema)
    except _NO_SCHEMA as error:
        raise WireError(f"schema {schema_id} is no Avro schema ({type(error).__name__})", code="W04") from error


def _full_name(schema: Any) -> str:
    """The name of a record schema with its namespace, however the two are written; empty for anything else."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return ""
    name, namespace = str(schema.get("name", "")), schema.get("namespace")
    return f"{namespace}.{name}" if namespace and "." not in name else name


def _record_of(hint: Any) -> type | None:
    """The dataclass in `hint`: itself, optional, or as the item of a tuple."""
    if is_dataclass(hint) and isinstance(hint, type):
        return hint
    if get_origin(hint) in (tuple, types.UnionType):
        return next((found for arg in get_args(hint) if (found := _record_of(arg)) is not None), None)
    return None


def constructor(kind: type) -> Callable[[Plain], Any]:
    """A function that turns one decoded dictionary into `kind`; fields that `kind` does not have are left out."""
    hints = get_type_hints(kind)
    known = frozenset(hints)
    single: list[tuple[str, Callable[[Plain], Any]]] = []
    many: list[tuple[str, Callable[[Plain], Any] | None]] = []
    for name, hint in hints.items():
        record = _record_of(hint)
        if get_origin(hint) is tuple:
            many.append((name, constructor(record) if record else None))
        elif record is not None:
            single.append((name, constructor(record)))

    def construct(plain: Plain) -> Any:
        if not plain.keys() <= known:
            plain = {name: value for name, value in plain.items() if name in known}
        for name, build in single:
            if plain.get(name) is not None:
                plain[name] = build(plain[name])
        for name, item in many:
            if name in plain:
                plain[name] = tuple(plain[name]) if item is None else tuple(map(item, plain[name]))
        return kind(**plain)

    return construct
