"""Sums of files get the names that came through the ring."""

from __future__ import annotations

from triptych.producers.sensor.decode import FILE_KEY, FILE_SUM, KernelEvent
from triptych.producers.sensor.layouts import HEAD
from triptych.producers.sensor.reading import Reading

DEVICE = 8 << 20 | 1  # as the kernel numbers 8:1
KEY = FILE_KEY.pack(9, 9, 2, 0, 0, 7, DEVICE, 0)
TOUCH = HEAD.pack(
    HEAD.size + 2, 6, 2, 30, 9, 9, 1, 0, 9, DEVICE, 0, 2, 0, 0, 0, 0, 7, 1, 0, 0, 1, 1, 0, b"cat"
) + b"f\0"  # fmt: skip


def _never(_: KernelEvent) -> bool:
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
