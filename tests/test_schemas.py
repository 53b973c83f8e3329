"""Schemas against their history, their manifest and the dataclasses: a contract changes on purpose or not at all."""

from __future__ import annotations

import io
import json
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import fastavro
import pytest
from fastavro.utils import generate_many

from triptych.models import events, wire

AVRO = Path(wire.__file__).resolve().parents[1] / "avro"
MANIFEST = json.loads((AVRO / "manifest.json").read_text())
CURRENT = {path.stem: json.loads(path.read_text()) for path in AVRO.glob("*.avsc")}
PRIMITIVES = {str: "string", int: ("int", "long"), float: "double", bool: "boolean", bytes: "bytes"}

by_name = pytest.mark.parametrize("name", sorted(CURRENT))


def _history(name: str) -> dict[int, Any]:
    """The frozen versions of a schema."""
    files = (AVRO / "history").glob(f"{name}@*.avsc")
    return {int(path.stem.rpartition("@")[2]): json.loads(path.read_text()) for path in files}


def _records(schema: Any) -> list[dict[str, Any]]:
    """Every record inside a schema, itself first."""
    if isinstance(schema, list):
        return [record for branch in schema for record in _records(branch)]
    if not isinstance(schema, dict):
        return []
    if schema["type"] == "record":
        return [schema, *(record for field in schema["fields"] for record in _records(field["type"]))]
    return _records(schema.get("items", schema["type"] if isinstance(schema["type"], dict) else None))


def test_manifest_schemas_and_history_name_the_same_events() -> None:
    frozen = {path.stem.rpartition("@")[0] for path in (AVRO / "history").glob("*.avsc")}
    assert set(MANIFEST) == set(CURRENT) == frozen


@by_name
def test_the_file_name_is_the_full_name_of_its_record(name: str) -> None:
    assert f"{CURRENT[name]['namespace']}.{CURRENT[name]['name']}" == name


@by_name
def test_the_current_schema_is_the_newest_frozen_one(name: str) -> None:
    """A new version is frozen in avro/history and listed in the manifest together with the edit (avro/README.md)."""
    history = _history(name)
    assert sorted(history) == [entry["version"] for entry in MANIFEST[name]] == list(range(1, len(history) + 1))
    assert CURRENT[name] == history[max(history)]


@by_name
def test_every_listed_fingerprint_is_that_of_its_frozen_schema(name: str) -> None:
    listed = {entry["version"]: entry["fingerprint"] for entry in MANIFEST[name]}
    assert listed == {version: wire.schema_fingerprint(schema) for version, schema in _history(name).items()}


def test_ids_and_fingerprints_are_listed_once() -> None:
    entries = [entry for versions in MANIFEST.values() for entry in versions]
    assert len({entry["id"] for entry in entries}) == len({entry["fingerprint"] for entry in entries}) == len(entries)


@by_name
def test_every_field_says_what_it_means_and_every_enum_can_grow(name: str) -> None:
    for record in _records(CURRENT[name]):
        assert record["doc"].strip()
        for field in record["fields"]:
            assert field["doc"].strip(), f"{record['name']}.{field['name']} has no doc"
            kind = field["type"]
            if isinstance(kind, dict) and kind["type"] == "enum":
                assert kind["default"] in kind["symbols"], f"{kind['name']} has no default: an old reader would fail"


@by_name
def test_every_reader_reads_every_older_writer_and_the_previous_reader_the_newest(name: str) -> None:
    history = _history(name)
    newest = max(history)
    pairs = [(writer, reader) for reader in history for writer in history if writer <= reader]
    if newest > 1:
        pairs.append((newest, newest - 1))
    for writer, reader in pairs:
        out = io.BytesIO()
        record = next(iter(generate_many(fastavro.parse_schema(history[writer]), 1)))
        fastavro.schemaless_writer(out, fastavro.parse_schema(history[writer]), record)
        out.seek(0)
        assert fastavro.schemaless_reader(
            out, fastavro.parse_schema(history[writer]), fastavro.parse_schema(history[reader])
        )


def test_a_new_field_without_a_default_is_what_this_guard_catches() -> None:
    old = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}
    new = {**old, "fields": [*old["fields"], {"name": "b", "type": "string"}]}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, old, {"a": ""})
    out.seek(0)
    with pytest.raises(fastavro.read.SchemaResolutionError):
        fastavro.schemaless_reader(out, old, new)


@by_name
def test_the_dataclass_is_its_schema(name: str) -> None:
    seen: set[str] = set()
    for record in _records(CURRENT[name]):
        kind = getattr(events, record["name"])
        assert is_dataclass(kind)
        hints, ours = get_type_hints(kind), {field.name: field for field in fields(kind)}
        assert list(ours) == [field["name"] for field in record["fields"]], record["name"]
        for field in record["fields"]:
            _check(f"{record['name']}.{field['name']}", hints[field["name"]], field["type"], seen)
            if "default" in field:
                assert _default(ours[field["name"]]) == _plain_default(field["default"]), field["name"]


def _check(where: str, hint: Any, schema: Any, named: set[str]) -> None:
    """Whether a type hint says what a schema says. `named` are the named schemas met before."""
    if get_origin(hint) in (Union, UnionType):
        assert schema[0] == "null", f"{where}: null comes first, so that the default can be null"
        (inner,) = (arg for arg in get_args(hint) if arg is not NoneType)
        _check(where, inner, schema[1], named)
    elif get_origin(hint) is tuple:
        assert schema["type"] == "array", where
        _check(where, get_args(hint)[0], schema["items"], named)
    elif get_origin(hint) is Literal:
        if isinstance(schema, dict):
            named.add(schema["name"])
            assert list(get_args(hint)) == schema["symbols"], where
        else:
            assert schema in named, where
    elif is_dataclass(hint):
        assert hint.__name__ == (schema["name"] if isinstance(schema, dict) else schema), where
    else:
        expected = PRIMITIVES[hint]
        assert schema == expected or schema in expected, where


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _plain_default(default: Any) -> Any:
    return tuple(default) if isinstance(default, list) else default
