"""The spool: what was appended is there, whoever dies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.spool.writer import Spool, SpoolError, split


def written(folder: Path) -> list[bytes]:
    return [record for path in sorted(folder.glob("*.spool")) for record in split(path.read_bytes())[0]]


def test_a_record_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    assert spool.append(b"one")
    assert spool.append(b"two")
    assert written(tmp_path) == [b"one", b"two"]


def test_segments_are_private(tmp_path: Path) -> None:
    Spool(tmp_path / "new", "a", limit=1 << 20)
    (segment,) = (tmp_path / "new").glob("*.spool")
    assert [path.stat().st_mode & 0o777 for path in (segment, segment.parent)] == [0o600, 0o700]


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20, segment_bytes=100)
    records = [bytes([number]) * 40 for number in range(10)]
    assert all(map(spool.append, records))
    assert written(tmp_path) == records
    assert len(list(tmp_path.glob("*.spool"))) > 1


def test_a_full_folder_refuses_until_there_is_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=150, segment_bytes=100)
    kept = [spool.append(b"x" * 60) for _ in range(6)]
    assert kept == [True, True, True, True, False, False]
    for path in tmp_path.glob("*.spool"):
        path.unlink()
    assert spool.append(b"y")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="file"):
        Spool(tmp_path / "file" / "spool", "a", limit=1)


def test_a_disk_that_fails_is_a_refusal_and_no_exception(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    os.close(spool._fd)  # what a vanished mount looks like to the next write
    assert not spool.append(b"x")


@given(st.lists(st.binary(max_size=30), max_size=6), st.integers(0, 200))
def test_a_torn_end_hides_no_whole_record(records: list[bytes], cut: int) -> None:
    data = b"".join(len(record).to_bytes(4, "big") + record for record in records)
    torn = data[: min(cut, len(data))]
    found, at = split(torn)
    assert found == records[: len(found)]
    assert split(torn[at:]) == ([], 0)
