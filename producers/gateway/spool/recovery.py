"""What a dead gateway had forwarded and not yet described becomes a segment: its events say `undescribed`.

Every step can be repeated, so a shipper that dies in the middle of it neither loses nor doubles an event.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import orjson

from .events import NO_EVENT
from .record import HEAD, HEADER, split, undescribed
from .writer import PENDING, SUFFIX

__all__ = ["is_pending", "recover"]

_RECOVERED = f"-recovered{SUFFIX}"


def recover(folder: Path) -> None:
    """Of all writers that are gone. Call as the folder's only shipper, before any of its segments is deleted."""
    for path in folder.glob("*" + PENDING):
        fd = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            _recover(path, path.name.removesuffix(PENDING))
        except BlockingIOError:  # its writer lives
            continue
        finally:
            os.close(fd)


def is_pending(segment: Path) -> bool:
    """Whether its writer left, or may leave, something that the segment must be compared with."""
    writer = segment.stem.rpartition("-")[0]
    return segment.with_name(writer + PENDING).exists()


def _recover(path: Path, writer: str) -> None:
    records = split(path.read_bytes())[0]
    told = set(_numbers(path.parent, writer)) if records else set()
    left = [record for record in records if record.startswith(HEAD) or _number(record) not in told]
    if not all(record.startswith(HEAD) for record in left):
        fresh = path.with_name(f"{writer}.recovering")
        fresh.write_bytes(b"".join(len(record).to_bytes(HEADER, "big") + record for record in map(_marked, left)))
        fresh.rename(path.with_name(writer + _RECOVERED))
    path.unlink()


def _numbers(folder: Path, writer: str) -> Iterator[int | None]:
    """Of the events that the writer described, and of those that were recovered before."""
    for path in folder.glob(f"{writer}-*{SUFFIX}"):
        if not path.name.endswith(PENDING):
            yield from map(_number, split(path.read_bytes())[0])


def _number(record: bytes) -> int | None:
    """None where it tells none: a head, or what no writer of ours wrote."""
    try:
        number: int | None = orjson.loads(record).get("sequence")
    except NO_EVENT:
        return None
    return number


def _marked(record: bytes) -> bytes:
    if record.startswith(HEAD):
        return record
    try:
        return undescribed(record)
    except NO_EVENT:
        return record  # as it is, for the dead letters
