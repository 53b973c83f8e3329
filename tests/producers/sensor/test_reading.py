"""Sums of files get the names that came through the ring."""

from __future__ import annotations

import tracemalloc

from triptych.producers.sensor.decode import FILE_KEY, FILE_SUM
from triptych.producers.sensor.layouts import HEAD
from triptych.producers.sensor.reading import Reading
from triptych.producers.sensor.totals import Use

DEVICE = 8 << 20 | 1  # as the kernel numbers 8:1
KEY = FILE_KEY.pack(9, 9, 2, 0, 0, 7, DEVICE, 0)
TOUCH = HEAD.pack(
    HEAD.size + 2, 6, 2, 30, 9, 9, 1, 0, 9, DEVICE, 0, 2, 0, 0, 0, 0, 7, 1, 0, 0, 1, 1, 0, b"cat"
) + b"f\0"  # fmt: skip


def _never(_: Use) -> bool:
    return False


def _sum(read: int, written: int = 0, mapped: int = 0) -> tuple[bytes, bytes]:
    return KEY, FILE_SUM.pack(read, written, mapped, 99, 0, 1, 0, b"cat")


def test_the_first_touch_of_a_file_is_no_event_but_names_its_sums() -> None:
    reading = Reading()
    assert reading.record(TOUCH) is None
    (event,), _ = reading.files([_sum(651)], _never)
    assert (event.kind, event.path, event.path_source, event.bytes_in) == ("io", b"/f", "kernel", 651)


def test_bytes_of_a_file_without_a_name_are_told_by_its_inode() -> None:
    (event,), _ = Reading().files([_sum(0, written=5)], _never)
    assert (event.path, event.inode, event.bytes_out) == (None, 7, 5)


def test_a_mapping_alone_is_told() -> None:
    reading = Reading()
    reading.files([_sum(10)], _never)
    (event,), _ = reading.files([_sum(10, mapped=4096)], _never)
    assert (event.bytes_in, event.mapped) == (0, 4096)


def test_a_file_has_the_name_its_own_server_knows_it_by() -> None:
    reading = Reading()
    reading.record(TOUCH)
    other = HEAD.pack(HEAD.size + 2, 6, 2, 31, 8, 8, 1, 0, 8, DEVICE, 0, 2, 0, 0, 0, 0, 7, 1, 0, 0, 1, 1, 0, b"cat")
    reading.record(other + b"g\0")
    (event,), _ = reading.files([_sum(1)], _never)
    assert event.path == b"/f"


def test_many_long_names_take_no_more_memory_than_short_ones() -> None:
    reading = Reading()
    tracemalloc.start()
    for number in range(2000):
        path = (b"%05d" % number + b"x" * 240 + b"\0") * 16
        touch = HEAD.pack(
            HEAD.size + len(path), 6, 2, 30, 9, 9, 1, 0, 9, DEVICE, 0, 2, 0, 0, 0, 0, number + 1, 1, 0, 0, 1, 1, 0, b""
        )
        reading.record(touch + path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 4 << 20
