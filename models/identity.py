"""Who a process belongs to: pod, else container, else the process itself, read from the text of /proc/PID/cgroup. Pure.

The innermost pod and container win, because Kubernetes in Docker nests them. Nothing here asks a cluster for names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Workload", "workload"]

# A pod's uid is a UUID, of a static pod 32 hex digits; systemd writes "_" for "-".
_HEX = "[0-9a-f]"
_UUID = rf"{_HEX}{{8}}[-_]{_HEX}{{4}}[-_]{_HEX}{{4}}[-_]{_HEX}{{4}}[-_]{_HEX}{{12}}"
_POD = rf"(?:^|[/-])pod({_UUID}|{_HEX}{{32}})(?=$|[/.:])"
# Amazon's ECS names a container by its task's id and a number.
_CONTAINER = rf"(?<!{_HEX})({_HEX}{{64}})(?!{_HEX})|(?<![^/])({_HEX}{{32}}-[0-9]{{1,20}})(?![^/])"
_SHORTEST = 32  # of a path that names either: outside of containers no pattern need be compiled
_MONITORS = ("crio-conmon-", "libpod-conmon-")  # of a container, outside of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """`id` keys all events of the workload; pod and container where the process runs in one."""

    id: str
    pod_uid: str | None = None
    container_id: str | None = None


def workload(cgroup: str, boot_id: str, pid: int, start_ns: int) -> Workload:
    """The workload of a process.

    `cgroup` is the text of /proc/PID/cgroup (`hierarchy:controllers:path` lines), `pid` and `start_ns` (nanoseconds
    since boot) name the process on the host. Unknown shapes yield the process itself, never an error.
    """
    pod = container = None
    for path in _paths(cgroup):
        pod = pod or _last(_POD, path)
        container = container or _last(_CONTAINER, path)
    pod = pod.replace("_", "-") if pod else None
    return Workload(id=pod or container or f"host:{boot_id}:{pid}:{start_ns}", pod_uid=pod, container_id=container)


def _paths(cgroup: str) -> list[str]:
    """The paths of all hierarchies, the unified one (`0::`) first; parts of a container's monitor are left out."""
    lines = [line.split(":", 2) for line in cgroup.split("\n") if line.count(":") >= 2]  # a path may hold other breaks
    lines.sort(key=lambda parts: parts[0] != "0")
    return ["/".join(part for part in path.split("/") if not part.startswith(_MONITORS)) for _, _, path in lines]


def _last(pattern: str, path: str) -> str | None:
    found = list(re.finditer(pattern, path)) if len(path) >= _SHORTEST else ()
    return next(filter(None, found[-1].groups())) if found else None
