"""Which records of a ring are complete."""

from __future__ import annotations

from triptych.producers.sensor.ring import complete

BUSY, DISCARDED = 1 << 31, 1 << 30


def _record(body: bytes, mark: int = 0) -> bytes:
    return (len(body) | mark).to_bytes(4, "little") + bytes(4) + body + bytes(-len(body) % 8)


def _bodies(block: bytes) -> list[bytes]:
    return [block[at : at + length] for at, length in complete(block)[0]]


def test_records_are_aligned_to_eight_bytes() -> None:
    assert _bodies(_record(b"one") + _record(b"eight888") + _record(b"x" * 9)) == [b"one", b"eight888", b"x" * 9]


def test_a_record_being_written_holds_back_those_behind_it() -> None:
    block = _record(b"done") + _record(b"half", BUSY) + _record(b"behind")
    assert _bodies(block) == [b"done"]
    assert complete(block)[1] == len(_record(b"done"))


def test_a_discarded_record_is_skipped_and_freed() -> None:
    block = _record(b"gone", DISCARDED) + _record(b"kept")
    assert _bodies(block) == [b"kept"]
    assert complete(block)[1] == len(block)


def test_an_empty_ring_has_no_records() -> None:
    assert complete(b"") == ([], 0)
