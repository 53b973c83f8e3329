"""What a sensor observes: facts of the kernel in batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BatchStatus",
    "Binding",
    "CallRef",
    "EntryPath",
    "ExecutionBatch",
    "ExecutionDetail",
    "ExecutionEvent",
    "ExecutionKind",
    "FileLayer",
    "Label",
    "Lack",
    "PathSource",
]

ExecutionKind = Literal[
    "unknown",
    "exec",
    "fork",
    "exit",
    "open",
    "connect",
    "flow",
    "io",
    "dns",
    "listen",
    "accept",
    "escape",
    "descriptor",
    "change",
]
Binding = Literal["none", "exact", "cooperative", "lineage", "window", "candidates"]
PathSource = Literal["none", "kernel", "argument"]
BatchStatus = Literal["events", "start", "heartbeat", "stop", "loss", "blinded"]
EntryPath = Literal["unknown", "syscall", "compat", "io_uring", "handle"]
FileLayer = Literal["unknown", "plain", "image", "written", "memory", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRef:
    """One call in flight that execution events refer to by its index."""

    call_id: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionDetail:
    """What only some execution events carry."""

    operation: str = ""
    via: EntryPath = "unknown"
    name: str | None = None
    target_pid: int = 0
    device: int = 0
    links: int = -1
    layer: FileLayer = "unknown"
    writable: bool | None = None
    sha256: str | None = None
    truncated: bool = False
    mapped: int = 0
    other_path: str | None = None
    received: bool = False


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
    detail: ExecutionDetail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """A feature of the sensor that is off."""

    feature: str = ""
    lacks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One label of a pod or container."""

    name: str = ""
    value: str = ""


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
    missing: tuple[Lack, ...] = ()
    front_end: str = ""
    kernel: str = ""
    image_name: str | None = None
    container: str | None = None
    owner: str | None = None
    node: str | None = None
    labels: tuple[Label, ...] = ()
    rate_limited: int = 0
    calls: tuple[CallRef, ...] = ()
    events: tuple[ExecutionEvent, ...] = ()
