"""Events to bytes and back: Confluent framing (0x00, schema id, Avro body) with ids from a committed manifest.

The only reader of avro/ and the only user of fastavro. Decodes with the writer's schema: a field this version does not
know is ignored, a field the writer did not know takes its default. No registry is needed; one may add schemas.
"""

from __future__ import annotations

import io
import json
import struct
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from . import events
from .errors import WireError

__all__ = ["SCHEMAS", "Codec", "bundled", "schema_fingerprint"]

SCHEMAS = Path(__file__).resolve().parents[1] / "avro"

E = TypeVar("E")
Plain = dict[str, Any]
_HEADER = struct.Struct(">bI")
_UNREADABLE = (ValueError, TypeError, LookupError, EOFError, ArithmeticError, MemoryError, struct.error)
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


class Codec:
    """Encodes and decodes the events of one manifest. Ids are immutable, so a schema is parsed once."""

    def __init__(self) -> None:
        self._writers: dict[type, tuple[bytes, Any]] = {}
        self._readers: dict[int, tuple[Any, Callable[[Plain], Any]]] = {}

    def add(self, schema_id: int, schema: Plain, *, current: bool = False) -> None:
        """Make `schema` known under `schema_id`; `current` also makes it the one that encode() writes."""
        name = f"{schema.get('namespace', '')}.{schema['name']}"
        if name not in _TYPES:
            raise WireError(f"schema {schema_id} describes {name}, which is no event of this version", code="W04")
        parsed = fastavro.parse_schema(schema)
        self._readers[schema_id] = (parsed, _constructor(_TYPES[name]))
        if current:
            self._writers[_TYPES[name]] = (_HEADER.pack(0, schema_id), parsed)

    def knows(self, schema_id: int) -> bool:
        return schema_id in self._readers

    def encode(self, event: object) -> bytes:
        """Bytes of an event. Raises WireError W04 for a type without a schema, W03 for a value that does not fit."""
        try:
            header, schema = self._writers[type(event)]
        except KeyError:
            raise WireError(f"{type(event).__name__} has no schema", code="W04") from None
        out = io.BytesIO()
        out.write(header)
        try:
            fastavro.schemaless_writer(out, schema, _plain(event))
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            raise WireError(f"{type(event).__name__} does not fit its schema: {error}", code="W03") from error
        return out.getvalue()

    def decode(self, data: bytes, expected: type[E] | None = None) -> E:
        """The event in `data`. Raises WireError; never anything else, whatever the bytes are."""
        schema, construct = self._reader(schema_id(data))
        body = io.BytesIO(data)
        body.seek(_HEADER.size)
        try:
            event = construct(cast(Plain, fastavro.schemaless_reader(body, schema, None)))
        except _UNREADABLE as error:
            raise WireError(f"body does not fit its schema ({type(error).__name__})", code="W03") from error
        if body.tell() != len(data):
            raise WireError(f"{len(data) - body.tell()} bytes behind the end of the body", code="W03")
        if expected is not None and not isinstance(event, expected):
            raise WireError(f"{type(event).__name__} where {expected.__name__} belongs", code="W04")
        return event  # type: ignore[no-any-return]

    def _reader(self, known_id: int) -> tuple[Any, Callable[[Plain], Any]]:
        try:
            return self._readers[known_id]
        except KeyError:
            raise WireError(
                f"schema id {known_id} is not in the manifest",
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
    for name, version, known_id, expected, current in _manifest(folder):
        path = folder / f"{name}.avsc" if current else folder / "history" / f"{name}@{version}.avsc"
        schema = json.loads(path.read_text())
        if schema_fingerprint(schema) != expected:
            raise WireError(
                f"{path.name} differs from its fingerprint in manifest.json",
                "a released schema never changes: add a version (avro/README.md)",
                code="W02",
            )
        codec.add(known_id, schema, current=current)
    return codec


def _manifest(folder: Path) -> Iterator[tuple[str, int, int, str, bool]]:
    for name, versions in json.loads((folder / "manifest.json").read_text()).items():
        newest = max(entry["version"] for entry in versions)
        for entry in versions:
            yield name, entry["version"], entry["id"], entry["fingerprint"], entry["version"] == newest


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


def _constructor(kind: type) -> Callable[[Plain], Any]:
    """A function that turns one decoded dictionary into `kind`; fields that `kind` does not have are left out."""
    hints = get_type_hints(kind)
    known = frozenset(hints)
    single: list[tuple[str, Callable[[Plain], Any]]] = []
    many: list[tuple[str, Callable[[Plain], Any] | None]] = []
    for name, hint in hints.items():
        record = _record_of(hint)
        if get_origin(hint) is tuple:
            many.append((name, _constructor(record) if record else None))
        elif record is not None:
            single.append((name, _constructor(record)))

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
