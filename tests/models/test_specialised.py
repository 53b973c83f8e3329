"""Reading and writing made for one schema, held against the general library."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import sys
from dataclasses import asdict, dataclass, fields, is_dataclass, make_dataclass, replace
from types import ModuleType
from typing import Any

import fastavro
import pytest
from event_strategies import events_of
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.models import events, specialised, wire
from triptych.models.specialised import Raw, Runs

INNER = {"type": "record", "name": "Inner", "fields": [{"name": "text", "type": "string"}]}
OUTER = {
    "type": "record",
    "name": "Outer",
    "fields": [
        {"name": "number", "type": "long"},
        {"name": "double", "type": "double"},
        {"name": "side", "type": {"type": "enum", "name": "Side", "symbols": ["left", "right"]}},
        {"name": "maybe", "type": ["null", "string"]},
        {"name": "flags", "type": {"type": "array", "items": "boolean"}},
        {"name": "inner", "type": INNER},
        {"name": "inners", "type": {"type": "array", "items": "Inner"}},
        {"name": "rows", "type": {"type": "array", "items": {"type": "array", "items": "int"}}},
        {"name": "other", "type": ["null", "Side"]},
        {"name": "blob", "type": "bytes"},
    ],
}
PARSED = fastavro.parse_schema(json.loads(json.dumps(OUTER)))


@dataclass(frozen=True)
class Inner:
    text: str


@dataclass(frozen=True)
class Outer:
    number: int
    double: float
    side: str
    maybe: str | None
    flags: tuple[bool, ...]
    inner: Inner
    inners: tuple[Inner, ...]
    rows: tuple[tuple[int, ...], ...]
    other: str | None
    blob: bytes


KINDS: dict[str, type] = {"Outer": Outer, "Inner": Inner}
READ, WRITE = specialised.reader(OUTER, KINDS), specialised.writer(OUTER)
INTS = st.integers(-(2**63), 2**63 - 1)
SIDES = st.sampled_from(["left", "right"])
INNERS = st.builds(Inner, st.text())
OUTERS = st.builds(
    Outer,
    number=INTS,
    double=st.floats(allow_nan=False),
    side=SIDES,
    maybe=st.none() | st.text(),
    flags=st.lists(st.booleans()).map(tuple),
    inner=INNERS,
    inners=st.lists(INNERS, max_size=3).map(tuple),
    rows=st.lists(st.lists(INTS, max_size=3).map(tuple), max_size=3).map(tuple),
    other=st.none() | SIDES,
    blob=st.binary(max_size=200),
)


def general(value: Any, schema: Any = PARSED) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, asdict(value))
    return out.getvalue()


def written(write: specialised.Write, value: Any) -> bytes:
    out: list[bytes] = []
    write(value, out)
    return b"".join(out)


@given(OUTERS)
def test_the_bytes_are_those_of_the_general_library_and_read_back_to_the_same(value: Outer) -> None:
    body = general(value)
    assert written(WRITE, value) == body
    assert READ(b"head" + body, 4) == (value, 4 + len(body))


@pytest.mark.parametrize("name", sorted({release.name for release in wire.releases()}))
def test_every_event_is_written_as_the_general_library_writes_it(name: str) -> None:
    kind = getattr(events, name.rpartition(".")[2])
    schema = next(release.schema for release in wire.releases() if release.name == name and release.current)
    parsed, write = fastavro.parse_schema(schema), specialised.writer(schema)

    @settings(max_examples=20)
    @given(events_of(kind))
    def law(event: Any) -> None:
        assert written(write, event) == general(event, parsed)

    law()


@given(OUTERS)
def test_a_smaller_record_is_read_past_what_it_does_not_have(value: Outer) -> None:
    for field in fields(Outer):
        kept = make_dataclass("Outer", [(field.name, field.type)], namespace={"__module__": __name__})
        small, end = specialised.reader(OUTER, {"Outer": kept, "Inner": Inner})(general(value), 0)
        assert (getattr(small, field.name), end) == (getattr(value, field.name), len(general(value)))


@given(OUTERS)
def test_raw_parts_go_through_unread(value: Outer) -> None:
    raw = ["maybe", "inner", "inners", "rows"]
    kind = make_dataclass("Outer", [(f.name, Raw if f.name in raw else f.type) for f in fields(Outer)])
    part, _ = specialised.reader(OUTER, {"Outer": kind, "Inner": Inner})(general(value), 0)
    assert written(specialised.writer(OUTER, raw=raw), part) == general(value)


RUNS = Runs(by="number", spans=(("double", "maybe"), ("inner", "rows")))


@given(st.lists(OUTERS, min_size=1, max_size=12), st.integers(0, 3))
def test_runs_that_are_recognised_mean_what_they_mean_when_they_are_read(values: list[Outer], keys: int) -> None:
    read = specialised.reader(OUTER, KINDS, RUNS)
    for value in [*values, *values]:
        known = replace(value, number=value.number % (keys + 1))
        body = general(known)
        assert read(body, 0) == (known, len(body))


def test_a_run_that_is_cut_short_is_not_taken_for_a_whole_one() -> None:
    read = specialised.reader(OUTER, KINDS, RUNS)
    value = Outer(0, 0.0, "left", "a long text", (), Inner(""), (), (), None, b"")
    body = general(value)
    for end in range(len(body)):
        with contextlib.suppress(ValueError, LookupError, struct.error):
            assert read(body[:end], 0)[1] > end
    assert read(body, 0) == (value, len(body))


def test_a_record_that_can_be_changed_takes_its_defaults_for_what_the_schema_lacks() -> None:
    kind = make_dataclass("Inner", [("text", str), ("more", int, 7)], namespace={"__module__": __name__})
    made, _ = specialised.reader(INNER, {"Inner": kind})(b"\x02a", 0)
    assert made == kind("a", 7)


def test_a_field_that_neither_schema_nor_record_tell_is_refused() -> None:
    kind = make_dataclass("Inner", [("text", str), ("more", int)], namespace={"__module__": __name__})
    with pytest.raises(ValueError, match="more of Inner"):
        specialised.reader(INNER, {"Inner": kind})


def test_an_array_in_several_blocks_with_their_sizes_is_one_array() -> None:
    schema = {
        "type": "record",
        "name": "Inner",
        "fields": [{"name": "text", "type": {"type": "array", "items": "int"}}],
    }
    read = specialised.reader(schema, {"Inner": make_dataclass("Inner", [("text", object)])})
    two_blocks_of_which_one_tells_its_size = bytes([4, 2, 4, 1, 2, 6, 0])
    value, end = read(two_blocks_of_which_one_tells_its_size, 0)
    assert (value.text, end) == ((1, 2, 3), 7)


@pytest.mark.parametrize(
    "body",
    [b"\xff" * 11, b"\x00" + b"\x00" * 8 + b"\x04", b"\x00" * 10 + b"\x01\x02", b"\x00" * 9 + b"\x02\x01"],
    ids=["number", "symbol", "branch", "length"],
)
def test_what_no_writer_writes_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, LookupError)):
        READ(body + bytes(40), 0)


@pytest.mark.parametrize("field", ["number", "side", "maybe", "flags", "blob", "inner"])
def test_a_value_of_another_type_is_not_written(field: str) -> None:
    ours = Outer(0, 0.0, "left", None, (), Inner(""), (), (), None, b"")
    with pytest.raises((ValueError, TypeError, LookupError, AttributeError)):
        written(WRITE, Outer(**{**{f.name: getattr(ours, f.name) for f in fields(Outer)}, field: 3.5}))


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_of_more_than_64_bits_is_not_written(number: int) -> None:
    schema = {"type": "record", "name": "Inner", "fields": [{"name": "text", "type": "long"}]}
    with pytest.raises(OverflowError):
        written(specialised.writer(schema), Inner(number))  # type: ignore[arg-type]


@pytest.mark.parametrize("unfit", [{"type": "map", "values": "int"}, ["int", "string"], "decimal"])
def test_a_type_that_is_not_provided_for_is_refused(unfit: Any) -> None:
    with pytest.raises(ValueError, match=r"provided|union"):
        specialised.writer({"type": "record", "name": "Inner", "fields": [{"name": "text", "type": unfit}]})


def test_a_name_that_is_no_identifier_is_refused() -> None:
    with pytest.raises(ValueError, match="no name"):
        specialised.writer({"type": "record", "name": "Inner", "fields": [{"name": "a b", "type": "int"}]})


def test_all_records_of_the_events_are_dataclasses() -> None:
    assert all(is_dataclass(getattr(events, release.name.rpartition(".")[2])) for release in wire.releases())


def module_of(written: specialised.Written) -> ModuleType:
    module = ModuleType(f"{specialised.__package__}.{written.module}")
    module.__package__ = specialised.__package__
    exec(compile(written.text, written.module, "exec"), vars(module))  # noqa: S102  what a wheel compiles
    return module


@given(st.lists(OUTERS, min_size=1, max_size=4))
def test_what_a_wheel_compiles_does_what_is_made_at_start(values: list[Outer]) -> None:
    reading = specialised.reading(OUTER, KINDS, RUNS)
    read = getattr(module_of(reading), reading.name)
    writing = specialised.writing(OUTER)
    write = getattr(module_of(writing), writing.name)
    for value in [*values, *values]:
        body = general(value)
        assert read(body, 0) == (value, len(body))
        assert written(write, value) == body


def test_a_module_is_taken_only_for_the_source_that_it_was_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = specialised.reading(OUTER, KINDS)
    module = module_of(reading)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert reading.function() is getattr(module, reading.name)
    first, *others = OUTER["fields"]
    other = {**OUTER, "fields": [*others, first]}
    assert specialised.reading(other, KINDS).module != reading.module
