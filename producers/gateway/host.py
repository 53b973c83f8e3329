"""What the operating system says of processes, and where our clocks and random ids come from."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...models.identity import workload
from .clock import Now

if TYPE_CHECKING:
    from .facts.fields import PrincipalFields

__all__ = ["boot_id", "executable", "new_id", "new_trace", "now", "principal", "start_ns", "workload_of"]

_PROC = Path("/proc")
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_DRAWN = 2048  # bytes


class _Digits:
    """Random hexadecimal digits. Drawn many at a time: a call needs four dozen, and each draw is a system call."""

    def __init__(self) -> None:
        self._digits, self._at = "", 0

    def take(self, count: int) -> str:
        start, self._at = self._at, self._at + count
        if self._at > len(self._digits):
            self._digits, start, self._at = os.urandom(_DRAWN).hex(), 0, count
        return self._digits[start : self._at]


_random = _Digits()


def now() -> Now:
    return Now(time.time_ns(), time.monotonic_ns())


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): ids of later events sort later."""
    digits = _random.take(19)
    return f"{_instant(time.time_ns() // 1_000_000)}{digits[:3]}-{_VARIANTS[digits[3]]}{digits[4:7]}-{digits[7:]}"


@lru_cache(1)
def _instant(milliseconds: int) -> str:
    """How the ids of one millisecond begin: under load there are many."""
    digits = f"{milliseconds:012x}"
    return f"{digits[:8]}-{digits[8:]}-7"


def new_trace() -> str:
    """32 hex digits, like a W3C trace id."""
    return _random.take(32)


def boot_id() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def start_ns(pid: int) -> int:
    """Start of a process, nanoseconds since boot in the kernel's ticks; 0 when it is gone."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19]) * _TICK_NS


def executable(pid: int) -> str | None:
    """None where it is gone or not ours to see."""
    try:
        return str((_PROC / str(pid) / "exe").readlink())
    except OSError:
        return None


def workload_of(pid: int) -> str:
    """The workload as a gateway sees it. Where a sensor granted a lease its word counts instead."""
    try:
        cgroup = (_PROC / str(pid) / "cgroup").read_text()
    except OSError:
        cgroup = ""
    return workload(cgroup, boot_id(), pid, start_ns(pid)).id


def principal(label: str) -> PrincipalFields:
    """The configured label, else the user; with the program that launched this gateway."""
    launcher = executable(os.getppid())
    if label:
        return {"kind": "configured", "id": label, "executable": launcher}
    return {"kind": "os_user", "id": f"uid:{os.getuid()}", "executable": launcher}
