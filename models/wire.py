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
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType, fingerprint, to_parsing_canonical_form

from . import events
from .errors import WireError
from .text import clean

__all__ = ["SCHEMAS", "Codec", "Release", "bundled", "constructor", "releases", "schema_fingerprint", "schema_id"]

SCHEMAS = Path(__file__).resolve().parents[1] / "avro"

E = TypeVar("E")
Plain = dict[str, Any]
_HEADER = struct.Struct(">bI")
_UNREADABLE = (
    ValueError,
    TypeError,
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


@dataclass(frozen=True, slots=True)
class _Reader:
    """How the bodies under one schema id are read; `resolved` is the schema they are resolved against, if any."""

    writer: Any
    construct: Callable[[Plain], Any]
    resolved: Any = None


class Codec:
    """Encodes and decodes the events of one manifest. Ids are immutable, so a schema is parsed once."""

    def __init__(self) -> None:
        self._writers: dict[type, tuple[bytes, Any]] = {}
        self._readers: dict[int, _Reader] = {}

    def add(self, schema_id: int, schema: Plain, *, current: bool = False) -> None:
        """Make `schema` known under `schema_id`; `current` also makes it the one that encode() writes."""
        kind, parsed = _parsed(schema_id, schema)
        self._readers[schema_id] = _Reader(parsed, constructor(kind))
        if current:
            self._writers[kind] = (_HEADER.pack(0, schema_id), parsed)

    def learn(self, schema_id: int, schema: Any) -> None:
        """Make a schema from a registry known. Raises WireError W04 when it describes no event that encode() writes."""
        kind, parsed = _parsed(schema_id, schema)
        _, ours = self._writer(kind)
        self._readers[schema_id] = _Reader(parsed, constructor(kind), ours)

    def knows(self, schema_id: int) -> bool:
        return schema_id in self._readers

    def encode(self, event: object) -> bytes:
        """Bytes of an event. Raises WireError W04 for a type without a schema, W03 for a value that does not fit."""
        header, schema = self._writer(type(event))
        out = io.BytesIO()
        out.write(header)
        try:
            fastavro.schemaless_writer(out, schema, _plain(event))
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            raise WireError(f"{type(event).__name__} does not fit its schema: {error}", code="W03") from error
        return out.getvalue()

    def decode(self, data: bytes, expected: type[E] | None = None) -> E:
        """The event in `data`. Raises WireError; never anything else, whatever the bytes are."""
        reader = self._reader(schema_id(data))
        body = io.BytesIO(data)
        body.seek(_HEADER.size)
        try:
            event = reader.construct(cast(Plain, fastavro.schemaless_reader(body, reader.writer, reader.resolved)))
        except _UNREADABLE as error:
            raise WireError(f"body does not fit its schema ({type(error).__name__})", code="W03") from error
        if body.tell() != len(data):
            raise WireError(f"{len(data) - body.tell()} bytes behind the end of the body", code="W03")
        if expected is not None and not isinstance(event, expected):
            raise WireError(f"{type(event).__name__} where {expected.__name__} belongs", code="W04")
        return event  # type: ignore[no-any-return]

    def _writer(self, kind: type) -> tuple[bytes, Any]:
        try:
            return self._writers[kind]
        except KeyError:
            raise WireError(f"{kind.__name__} has no schema", code="W04") from None

    def _reader(self, known_id: int) -> _Reader:
        try:
            return self._readers[known_id]
        except KeyError:
            raise WireError(
                f"schema id {known_id} is neither in the manifest nor in a registry",
                "upgrade this consumer, or give it a schema registry",
                code="W02",
            ) from None


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


_FIELDS: dict[type, tuple[tuple[str, bool], ...]] = {}


def _plain(value: Any) -> Any:
    """Records as dictionaries and tuples as lists, all the way down."""
    kind = type(value)
    names = _FIELDS.get(kind)
    if names is None:
        if kind is tuple:
            return [_plain(item) for item in value]
        if not is_dataclass(kind):
            return value
        hints = get_type_hints(kind)
        names = _FIELDS[kind] = tuple((field.name, _nested(hints[field.name])) for field in fields(kind))
    return {name: _plain(getattr(value, name)) if nested else getattr(value, name) for name, nested in names}


def _nested(hint: Any) -> bool:
    return get_origin(hint) is tuple or _record_of(hint) is not None


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
