from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.replay.container import Block
from triptych.infra.replay.errors import RecordingError
from triptych.infra.replay.folder import ABOUT
from triptych.infra.replay.recorded import Recorded, datum, read
from triptych.infra.replay.recording import Recording
from triptych.models import topics, wire
from triptych.models.events import ProtocolEvent

ALL = (topics.PROTOCOL, topics.EXECUTION, topics.AGENT)


@given(
    st.builds(
        Recorded,
        topic=st.just("t"),
        partition=st.integers(0, 1 << 30),
        offset=st.integers(0, 1 << 60),
        timestamp=st.integers(-1, 1 << 50),
        timestamp_type=st.integers(0, 1),
        key=st.none() | st.binary(),
        value=st.binary(),
        headers=st.lists(st.tuples(st.text(), st.none() | st.binary())).map(tuple),
    )
)
def test_a_record_is_read_as_it_was(record: Recorded) -> None:
    assert list(read(Block(1, datum(record, record.value, event=False)), "t", None)) == [record]


def test_what_was_recorded_comes_back_byte_for_byte(history: Any, tmp_path: Path) -> None:
    records = history.usual()
    folder = history.write(tmp_path / "r", records)
    held = list(Recording(folder).records(ALL))
    assert sorted(held, key=lambda one: one.offset) == records
    assert [one.timestamp for one in held] == sorted(one.timestamp for one in records)


def test_every_avro_tool_reads_the_fields_of_the_events(history: Any, tmp_path: Path) -> None:
    folder = history.write(tmp_path / "r", history.usual())
    (file,) = (folder / topics.PROTOCOL).glob("*.avro")
    with file.open("rb") as opened:
        first = next(iter(fastavro.reader(opened)))
    assert (first["partition"], first["key"], first["value"]["tool"]) == (1, b"w", "read_config")
    assert first["headers"] == [{"name": "from", "value": b"test"}, {"name": "empty", "value": None}]


def test_bytes_that_are_no_event_are_kept_in_a_file_of_their_own(history: Any, tmp_path: Path) -> None:
    good = history.usual()[0]
    odd = [good.value[:-2], b"", b"junk", b"\0\0\0\0\1" + b"x"]
    records = [good, *(Recorded(**{**_fields(good), "offset": n, "value": value}) for n, value in enumerate(odd, 50))]
    folder = history.write(tmp_path / "r", records)
    assert [one.value for one in Recording(folder).records(ALL)] == [one.value for one in records]
    assert json.loads((folder / ABOUT).read_text())["topics"][good.topic] == {"records": 5, "raw": 4}


def _fields(record: Recorded) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Recorded.__dataclass_fields__}


def test_events_of_older_schemas_stand_in_files_of_their_own_and_keep_their_order(history: Any, tmp_path: Path) -> None:
    old = next(one for one in wire.releases() if one.name == "triptych.ProtocolEvent" and not one.current)
    codec = wire.Codec()
    codec.add(old.id, old.schema, current=True)
    records = [one for one in history.usual() if one.topic == topics.PROTOCOL]
    event = history.codec.decode(records[3].value, ProtocolEvent)
    records[3] = Recorded(**{**_fields(records[3]), "value": codec.encode(event)})
    folder = history.write(tmp_path / "r", records)
    assert len(list((folder / topics.PROTOCOL).iterdir())) == 2
    assert list(Recording(folder).records(ALL)) == records


def test_a_span_of_time_takes_its_beginning_and_leaves_its_end(history: Any, tmp_path: Path) -> None:
    records = history.usual()
    folder = history.write(tmp_path / "r", records)
    since, until = records[10].timestamp, records[30].timestamp
    held = Recording(folder).records(ALL, since, until)
    assert {one.offset for one in held} == {one.offset for one in records if since <= one.timestamp < until}


def test_a_folder_that_holds_something_is_left_alone(history: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(RecordingError, match="not empty"):
        history.write(tmp_path, history.usual())


def test_a_recording_is_readable_by_its_owner_alone(history: Any, tmp_path: Path) -> None:
    folder = history.write(tmp_path / "r", history.usual())
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (folder, *folder.rglob("*/*"))}
    assert modes == {0}


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_a_container_file_of_bare_events_is_a_history_too(history: Any, tmp_path: Path, codec: str) -> None:
    events = [history.codec.decode(one.value) for one in history.usual() if one.topic == topics.PROTOCOL]
    schema = json.loads((wire.SCHEMAS / "triptych.ProtocolEvent.avsc").read_text())
    file = io.BytesIO()
    fastavro.writer(file, schema, [_plain(event) for event in events], codec=codec)
    path = tmp_path / "theirs.avro"
    path.write_bytes(file.getvalue())
    recording = Recording(path)
    held = [recording.codec.decode(one.value) for one in recording.records(recording.topics)]
    assert (recording.topics, held) == ({topics.PROTOCOL}, events)


def _plain(event: Any) -> Any:
    if hasattr(event, "__dataclass_fields__"):
        return {name: _plain(getattr(event, name)) for name in event.__dataclass_fields__}
    return [_plain(one) for one in event] if isinstance(event, tuple) else event


def test_a_file_of_something_else_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "odd.avro"
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "Odd", "fields": []}, [{}])
    with pytest.raises(RecordingError, match=r"odd\.avro holds Odd, no events"):
        Recording(path)
    with pytest.raises(RecordingError, match="nowhere is not there"):
        Recording(tmp_path / "nowhere")


def test_events_of_a_schema_that_does_not_fit_are_refused_with_their_file(tmp_path: Path) -> None:
    path = tmp_path / "theirs.avro"
    field = {"name": "x", "type": "int"}
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "triptych.Call", "fields": [field]}, [{"x": 1}])
    with pytest.raises(RecordingError, match=r"theirs\.avro .* does not fit"):
        list(Recording(path).records((topics.CALLS,)))


def test_a_file_that_is_cut_gives_what_is_whole_and_then_says_where_it_ends(history: Any, tmp_path: Path) -> None:
    folder = history.write(tmp_path / "r", history.usual())
    (file,) = (folder / topics.PROTOCOL).glob("*.avro")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(RecordingError, match=r"mcp\.protocol.*cut"):
        list(Recording(folder).records(ALL))


@pytest.mark.parametrize("left", [0, 2, 300, -5], ids=["nothing", "a part of the mark", "the header", "not its end"])
def test_what_stands_before_a_cut_is_salvaged_with_everything_else_and_the_cut_is_told(
    history: Any, tmp_path: Path, left: int
) -> None:
    records = history.usual()
    folder = history.write(tmp_path / "r", records)
    (file,) = (folder / topics.PROTOCOL).glob("*.avro")
    file.write_bytes(file.read_bytes()[:left])
    recording = Recording(folder, salvage=True)
    for _ in range(2):
        held = list(recording.records(ALL))
        assert {one.topic for one in held} == {topics.EXECUTION, topics.AGENT}
        assert len(held) == sum(one.topic != topics.PROTOCOL for one in records)
    (told,) = recording.damaged
    assert str(file) in told
