"""What a sensor observes: facts of the kernel in batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BatchStatus",
    "Binding",
    "CallRef",
    "ExecutionBatch",
    "ExecutionEvent",
    "ExecutionKind",
    "PathSource",
]

ExecutionKind = Literal["unknown", "exec", "fork", "exit", "open", "connect", "flow"]
Binding = Literal["none", "exact", "cooperative", "lineage", "window", "candidates"]
PathSource = Literal["none", "kernel", "argument"]
BatchStatus = Literal["events", "start", "heartbeat", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRef:
    """One call in flight that execution events refer to by its index."""

    call_id: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEvent:
    """One fact the kernel reported."""

    kind: ExecutionKind = "unknown"
    mono_ns: int = 0
    pid: int = 0
    start_ns: int = 0
    tid: int = 0
    ppid: int = 0
    uid: int = 0
    comm: str = ""
    calls: tuple[int, ...] = ()
    binding: Binding = "none"
    evidence: str = ""
    path: str | None = None
    path_source: PathSource = "none"
    flags: int = 0
    result: int = 0
    inode: int = 0
    address: str | None = None
    port: int | None = None
    local_port: int | None = None
    protocol: str | None = None
    bytes_out: int = 0
    bytes_in: int = 0
    arguments: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionBatch:
    """What the kernel reported of one workload between two flushes of a sensor."""

    event_id: str = ""
    workload: str = ""
    correlation_id: str = ""
    call_id: str = ""
    wall_ns: int = 0
    mono_ns: int = 0
    boot_id: str = ""
    host: str = ""
    cluster: str = ""
    producer: str = ""
    sequence: int = 0
    lost_before: int = 0
    key_id: str = ""
    status: BatchStatus = "events"
    features: tuple[str, ...] = ()
    pod_uid: str | None = None
    pod: str | None = None
    namespace: str | None = None
    container_id: str | None = None
    image: str | None = None
    lost_from_ns: int = 0
    summarised: int = 0
    calls: tuple[CallRef, ...] = ()
    events: tuple[ExecutionEvent, ...] = ()
