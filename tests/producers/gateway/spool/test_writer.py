"""The spool: what was appended is there, whoever dies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.spool.record import HEAD, Entry, head
from triptych.producers.gateway.spool.writer import Spool, SpoolError, split

FIRST, SECOND = head(1, {"host": "a"}), head(2, {"host": "b"})


def written(folder: Path) -> list[bytes]:
    return [record for path in segments(folder) for record in split(path.read_bytes())[0]]


def segments(folder: Path) -> list[Path]:
    """In the order in which they were begun."""
    return sorted(folder.glob("*.spool"), key=lambda path: int(path.stem.rpartition("-")[2]))


def entry(record: bytes) -> list[Entry]:
    return [(FIRST, record)]


def test_a_record_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    assert spool.append(entry(b"one"))
    assert spool.append([*entry(b"two"), *entry(b"three")])
    assert written(tmp_path) == [FIRST.record, b"one", b"two", b"three"]


def test_segments_are_private(tmp_path: Path) -> None:
    Spool(tmp_path / "new", "a", limit=1 << 20)
    (segment,) = (tmp_path / "new").glob("*.spool")
    assert [path.stat().st_mode & 0o777 for path in (segment, segment.parent)] == [0o600, 0o700]


def test_every_segment_holds_the_heads_its_events_name_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20, segment_bytes=400)
    for number in range(60):
        assert spool.append([(SECOND if number % 3 else FIRST, b"event %d" % number)])
    found = [split(path.read_bytes())[0] for path in segments(tmp_path)]
    assert len(found) > 2
    for records in found:
        heads = [record for record in records if record.startswith(HEAD)]
        assert records[0] in heads
        assert sorted(heads) == sorted({FIRST.record, SECOND.record})
    assert [record for records in found for record in records if not record.startswith(HEAD)] == [
        b"event %d" % number for number in range(60)
    ]


def test_a_full_folder_refuses_until_there_is_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=250, segment_bytes=100)
    kept = [spool.append(entry(b"x" * 60)) for _ in range(6)]
    assert (kept[0], kept[-1]) == (True, False)
    assert sorted(kept, reverse=True) == kept
    for path in tmp_path.glob("*.spool"):
        path.unlink()
    assert spool.append(entry(b"y"))


def test_a_writer_that_finds_the_folder_full_keeps_nothing_until_there_is_room(tmp_path: Path) -> None:
    assert Spool(tmp_path, "a", limit=1000).append(entry(b"x" * 1000))
    later = Spool(tmp_path, "b", limit=1000)
    assert not later.append(entry(b"y"))
    next(tmp_path.glob("*.spool")).unlink()
    assert later.append(entry(b"y"))


def test_a_folder_holds_little_more_than_its_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=4000)
    assert not all(spool.append(entry(b"x" * 100)) for _ in range(100))
    assert 4000 <= sum(path.stat().st_size for path in tmp_path.glob("*.spool")) < 4000 + 1000 + 200


def test_a_segment_that_goes_while_the_folder_is_measured_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "gone.spool").symlink_to(tmp_path / "nowhere")
    assert Spool(tmp_path, "a", limit=1000).append(entry(b"x"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="file"):
        Spool(tmp_path / "file" / "spool", "a", limit=1)


def test_a_disk_that_fails_is_a_refusal_and_no_exception(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    os.close(spool._fd)  # what a vanished mount looks like to the next write
    assert not spool.append(entry(b"x"))


@given(st.lists(st.binary(max_size=30), max_size=6), st.integers(0, 200))
def test_a_torn_end_hides_no_whole_record(records: list[bytes], cut: int) -> None:
    data = b"".join(len(record).to_bytes(4, "big") + record for record in records)
    torn = data[: min(cut, len(data))]
    found, at = split(torn)
    assert found == records[: len(found)]
    assert split(torn[at:]) == ([], 0)
