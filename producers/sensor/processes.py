"""What /proc says of processes on this host: start, parent, cgroup, descendants. The sensor must run in the host's
process namespace. A process that is gone yields None or nothing, never an error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

__all__ = [
    "boot_id",
    "cgroup",
    "descendants",
    "groups",
    "is_within",
    "lineage",
    "parents",
    "pid_of",
    "runs",
    "start_ns",
    "user",
]

_PROC = Path("/proc")
_NS_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_STATE, _PPID, _START = 0, 1, 19  # fields of /proc/PID/stat, counted behind the command
_ENDED = frozenset("ZXx")
_DEEPEST = 64


def boot_id() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def pid_of(pidfd: int) -> int | None:
    """Process id, in this process's namespace, behind a pidfd; None when it is gone or the descriptor is no pidfd."""
    try:
        lines = Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines()
    except OSError:
        return None
    found = next((int(line.removeprefix("Pid:")) for line in lines if line.startswith("Pid:")), 0)
    return found if found > 0 else None


def start_ns(pid: int) -> int | None:
    """Start of the process, nanoseconds since boot, as exact as /proc tells it (1/100 s)."""
    fields = _stat(pid)
    return int(fields[_START]) * _NS_PER_TICK if fields else None


def runs(pid: int, began_ns: int) -> bool:
    """Whether the process that began then still executes: a zombie does not."""
    fields = _stat(pid)
    if not fields or fields[_STATE] in _ENDED:
        return False
    return int(fields[_START]) * _NS_PER_TICK == began_ns


def user(pid: int) -> int | None:
    """Real user id of the process."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    return int(status.partition("\nUid:")[2].split(None, 1)[0])


def groups(pid: int) -> frozenset[int] | None:
    """All group ids of the process; None when it is gone."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    lines = (line.partition(":") for line in status.splitlines())
    return frozenset(int(number) for name, _, value in lines if name in ("Gid", "Groups") for number in value.split())


def cgroup(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "cgroup").read_text(errors="replace")  # who makes a cgroup chooses its bytes
    except OSError:
        return ""


def parents() -> dict[int, int]:
    """Parent of every process, at about this instant."""
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    return {pid: int(fields[_PPID]) for pid in pids if (fields := _stat(pid))}


def is_within(pid: int, ancestor: int) -> bool:
    """Whether `pid` is `ancestor` or descends from it."""
    return ancestor in lineage(pid)


def lineage(pid: int) -> Iterator[int]:
    """`pid`, its parent and so on, as far as /proc tells. An orphan's line goes on with who adopted it."""
    for _ in range(_DEEPEST):
        yield pid
        fields = _stat(pid) if pid else None
        if not fields:
            return
        pid = int(fields[_PPID])


def descendants(root: int, parent_of: Mapping[int, int]) -> list[int]:
    """All processes below `root`, parents before their children."""
    children: dict[int, list[int]] = {}
    for pid, parent in parent_of.items():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    queue: Iterable[int] = children.get(root, [])
    while queue:
        found += queue
        queue = [child for pid in queue for child in children.get(pid, [])]
    return found


def _stat(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()  # the command may hold blanks and brackets
