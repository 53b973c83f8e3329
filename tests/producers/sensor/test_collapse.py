"""Equal opens are one record with a count before they are decoded; whatever tells two apart keeps them apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.sensor.collapse import collapsed
from triptych.producers.sensor.decode import decode
from triptych.producers.sensor.layouts import HEAD

NAMES = (
    "size", "kind", "flags", "mono", "tgid", "tid", "ppid", "uid", "root", "device", "start", "epoch", "born", "mark",
    "result", "argument", "inode", "links", "target", "operation", "via", "layer", "reserved", "comm",
)  # fmt: skip
OPEN = dict.fromkeys(NAMES, 0) | {"kind": 4, "flags": 2, "tgid": 9, "start": 10_000_000, "result": 3, "inode": 7}


def _record(path: bytes = b"f\0", **other: int | bytes) -> bytes:
    fields = OPEN | {"comm": b"cat", "size": HEAD.size + len(path)} | other
    return HEAD.pack(*(fields[name] for name in NAMES)) + path


def _counts(*records: bytes) -> list[int]:
    places, at = [], 0
    for record in records:
        places.append((at, len(record)))
        at += len(record)
    return [count for _, count in collapsed(b"".join(records), places)]


@pytest.mark.parametrize("other", [{"mono": 5}, {"tid": 11}, {"result": 4}, {"comm": b"dog"}])
def test_what_does_not_tell_two_opens_apart_does_not_keep_them_apart(other: dict[str, int | bytes]) -> None:
    assert _counts(_record(), _record(**other)) == [2]


@pytest.mark.parametrize(
    "name",
    ["flags", "tgid", "uid", "root", "device", "start", "epoch", "born", "mark", "argument", "inode", "links", "via"],
)
def test_whatever_tells_two_opens_apart_keeps_them_apart(name: str) -> None:
    assert _counts(_record(), _record(**{name: 33})) == [1, 1]


def test_failures_are_told_by_their_error() -> None:
    assert _counts(_record(), _record(result=-13), _record(result=-2), _record(result=-13)) == [1, 2, 1]


def test_another_path_is_another_open() -> None:
    assert _counts(_record(), _record(b"g\0"), _record()) == [2, 1]


def test_forks_are_never_merged_nor_is_what_cannot_be_decoded() -> None:
    assert _counts(_record(kind=2), _record(kind=2, tid=1), b"\0" * 8) == [1, 1, 1]


@given(st.lists(st.sampled_from([b"a\0", b"b\0", b"c\0"]), max_size=30))
def test_counts_add_up_and_the_first_of_each_stays_first(paths: list[bytes]) -> None:
    records = [_record(path, mono=number) for number, path in enumerate(paths)]
    places = [(number * (HEAD.size + 2), HEAD.size + 2) for number in range(len(records))]
    told = [(decode(record), count) for record, count in collapsed(b"".join(records), places)]
    assert sum(count for _, count in told) == len(paths)
    assert [event.mono_ns for event, _ in told] == sorted(event.mono_ns for event, _ in told)
