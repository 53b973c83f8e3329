"""What is announced is on disk without a system call, and gone when it is fulfilled."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.spool.pending import Pending
from triptych.producers.gateway.spool.record import head
from triptych.producers.gateway.spool.writer import PENDING, Spool, split

HEAD = head(1, {"host": "a"})


def on_disk(folder: Path) -> list[bytes]:
    return [record for path in folder.glob("*" + PENDING) for record in split(path.read_bytes())[0]]


def test_what_is_announced_is_on_disk_with_its_head_until_it_is_fulfilled(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    assert spool.announce([(HEAD, b"one")])
    assert spool.announce([(HEAD, b"two")])
    assert on_disk(tmp_path) == [HEAD.record, b"one", b"two"]
    spool.fulfil()
    assert on_disk(tmp_path) == []
    assert spool.announce([(HEAD, b"three")])
    assert on_disk(tmp_path) == [HEAD.record, b"three"]


def test_a_writer_that_owes_nothing_leaves_no_trace(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    spool.announce([(HEAD, b"one")])
    spool.append([(HEAD, b"one, described")])
    spool.fulfil()
    spool.close()
    assert list(tmp_path.glob("*" + PENDING)) == []


def test_what_has_no_room_is_refused_whole(tmp_path: Path) -> None:
    pending = Pending(tmp_path, "a", size=200)
    assert pending.add([(HEAD, b"x" * 50)])
    before = on_disk(tmp_path)
    assert not pending.add([(HEAD, b"y"), (HEAD, b"z" * 100)])
    assert on_disk(tmp_path) == before


def test_a_folder_without_room_is_a_refusal_and_no_exception(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    (tmp_path / f"gateway-a{PENDING}.new").mkdir()
    assert not spool.announce([(HEAD, b"one")])


ENTRIES = st.lists(st.binary(min_size=1, max_size=60), max_size=4)


@given(st.lists(ENTRIES | st.none(), max_size=12))
def test_a_reader_finds_exactly_what_was_added_since_the_last_clear(steps: list[list[bytes] | None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pending, expected = Pending(Path(folder), "a", size=400), list[bytes]()
        for records in steps:
            if records is None:
                pending.clear()
                expected = []
            elif pending.add([(HEAD, record) for record in records]):
                expected += records
            assert [record for record in on_disk(Path(folder)) if record != HEAD.record] == expected
        pending.close()
