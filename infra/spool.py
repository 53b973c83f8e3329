"""What waits in a gateway's spool folder, and whether somebody ships it. It only looks."""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..producers.gateway.spool.segments import segments

__all__ = ["Waiting", "waiting"]

_AHEAD = 1 << 16  # bytes in which the first event that waits tells its time
_WALL = re.compile(rb'"wall_ns":(\d{1,20})')


@dataclass(frozen=True, slots=True)
class Waiting:
    """Bytes that no broker has acknowledged; times in nanoseconds since 1970, None where there is none to tell."""

    octets: int
    oldest_ns: int | None
    shipping: bool
    shipped_ns: int | None


def waiting(folder: Path) -> Waiting:
    """What is to be said of a spool folder, one that is not there included."""
    left = {path: acknowledged for path in segments(folder) if (acknowledged := _acknowledged(path)) < _size(path)}
    times = [time for path, acknowledged in left.items() if (time := _first_time(path, acknowledged)) is not None]
    lock = folder / "ship.lock"
    return Waiting(
        octets=sum(_size(path) - acknowledged for path, acknowledged in left.items()),
        oldest_ns=min(times, default=None),
        shipping=_is_held(lock),
        shipped_ns=lock.stat().st_mtime_ns if lock.exists() else None,
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # shipped to its end meanwhile
        return 0


def _acknowledged(path: Path) -> int:
    try:
        return int(path.with_suffix(".acked").read_text())
    except (OSError, ValueError):
        return 0


def _first_time(path: Path, at: int) -> int | None:
    try:
        with path.open("rb") as file:
            file.seek(at)
            found = _WALL.search(file.read(_AHEAD))
    except OSError:
        return None
    return int(found[1]) if found else None


def _is_held(lock: Path) -> bool:
    """Whether a shipper holds it. Asked by taking part for an instant, as every gateway does that may start one."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
