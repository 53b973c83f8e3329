"""The wire format: what goes in comes out, and whatever else arrives is a WireError and nothing worse."""

from __future__ import annotations

import io
import json
import shutil
import struct
from dataclasses import dataclass, fields
from pathlib import Path

import fastavro
import pytest
from event_strategies import events_of
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.models import events, wire
from triptych.models.errors import WireError

CODEC = wire.bundled()
KINDS = [events.ProtocolEvent, events.ExecutionBatch, events.AgentSpan, events.Call, events.Alert, events.DeadLetter]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_encoded_decodes_to_the_same(kind: type) -> None:
    @settings(max_examples=25)
    @given(events_of(kind))
    def law(event: object) -> None:
        assert CODEC.decode(CODEC.encode(event), kind) == event

    law()


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_event_needs_no_argument_and_survives_the_wire(kind: type) -> None:
    assert CODEC.decode(CODEC.encode(kind())) == kind()


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_wire_error(data: bytes) -> None:
    assert_decodes_or_refuses(data)


@given(st.sampled_from([1001, 1101, 1201, 1301, 1401, 1501]), st.binary(max_size=200))
def test_any_body_under_a_known_id_is_an_event_or_a_wire_error(known: int, body: bytes) -> None:
    assert_decodes_or_refuses(struct.pack(">bI", 0, known) + body)


def assert_decodes_or_refuses(data: bytes) -> None:
    try:
        event = CODEC.decode(data)
    except WireError as error:
        assert error.code in {"W01", "W02", "W03", "W04"}
    else:
        assert type(event) in KINDS


@given(st.integers(0, 60))
def test_a_body_that_is_cut_short_is_refused(keep: int) -> None:
    whole = CODEC.encode(events.Call(call_id="c", tool="t", effects=(events.Effect(path="/etc/hosts"),)))
    with pytest.raises(WireError):
        CODEC.decode(whole[: min(keep, len(whole) - 1)])


def test_bytes_behind_the_body_are_refused() -> None:
    with pytest.raises(WireError, match="W03 3 bytes behind"):
        CODEC.decode(CODEC.encode(events.Alert()) + b"xyz")


def test_an_unknown_id_says_so_and_names_the_next_step() -> None:
    with pytest.raises(WireError, match="9999") as caught:
        CODEC.decode(struct.pack(">bI", 0, 9999))
    assert (caught.value.code, "registry" in caught.value.hint) == ("W02", True)
    assert not CODEC.knows(9999)


def test_another_event_than_the_expected_one_is_refused() -> None:
    with pytest.raises(WireError, match="W04 DeadLetter where Call belongs"):
        CODEC.decode(CODEC.encode(events.DeadLetter()), events.Call)


def test_a_value_that_does_not_fit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(WireError, match="W03"):
        CODEC.encode(events.Alert(sequence="first"))  # type: ignore[arg-type]


def test_a_type_without_a_schema_is_refused() -> None:
    @dataclass
    class Stranger:
        pass

    with pytest.raises(WireError, match="W04"):
        CODEC.encode(Stranger())


def test_a_field_of_a_newer_writer_is_ignored() -> None:
    schema = json.loads((wire.SCHEMAS / "triptych.DeadLetter.avsc").read_text())
    schema["fields"].append({"name": "retries", "type": "int", "default": 0, "doc": "From the future."})
    reader = wire.Codec()
    reader.add(1502, schema)
    newer = {field.name: field.default for field in fields(events.DeadLetter)} | {"retries": 3}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), newer)
    assert reader.decode(struct.pack(">bI", 0, 1502) + out.getvalue()) == events.DeadLetter()


def test_a_schema_of_no_known_event_is_refused() -> None:
    with pytest.raises(WireError, match="W04"):
        wire.Codec().add(1, {"type": "record", "name": "Stranger", "namespace": "x", "fields": []})


def test_a_schema_that_was_edited_after_its_release_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "avro"
    shutil.copytree(wire.SCHEMAS, folder)
    path = folder / "triptych.Alert.avsc"
    path.write_text(path.read_text().replace('"name": "risk"', '"name": "danger"', 1))
    with pytest.raises(WireError, match=r"triptych\.Alert\.avsc differs") as caught:
        wire.bundled(folder)
    assert "add a version" in caught.value.hint
