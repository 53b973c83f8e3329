"""What the operating system says of processes, and where our clocks and random ids come from."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ...models.events import Principal
from ...models.identity import workload
from .facts.describe import Now

__all__ = ["boot_id", "executable", "new_id", "new_trace", "now", "principal", "start_ns", "workload_of"]

_PROC = Path("/proc")
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def now() -> Now:
    return Now(time.time_ns(), time.monotonic_ns())


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): ids of later events sort later."""
    digits = f"{time.time_ns() // 1_000_000:012x}7{os.urandom(10).hex()}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def new_trace() -> str:
    """32 hex digits, like a W3C trace id."""
    return os.urandom(16).hex()


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


def principal(label: str) -> Principal:
    """The configured label, else the user; with the program that launched this gateway."""
    launcher = executable(os.getppid())
    if label:
        return Principal(kind="configured", id=label, executable=launcher)
    return Principal(kind="os_user", id=f"uid:{os.getuid()}", executable=launcher)
