"""Records of stage 1 as it handles them at speed: what the join looks at is read, the rest stays as it is on the wire.

The classes are not frozen, because a frozen record costs four times as much to make.
Refuses schemas in which a part of a message is laid out in another way than in the call that takes it over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from . import specialised
from .events import (
    Action,
    BatchStatus,
    Binding,
    CallRef,
    CallState,
    ConversationSource,
    Coverage,
    Direction,
    Era,
    Lease,
    MessageKind,
    Placement,
    ValueKind,
)
from .lazy_events import EventReader, LazyEvent, knows_layout
from .specialised import Raw, Read, Runs, Write, Written

__all__ = [
    "Envelope",
    "LazyBatch",
    "LazyCall",
    "LazyMessage",
    "Named",
    "batch_reader",
    "call_writer",
    "message_reader",
    "written",
]

_NONE: Final = Raw(b"\0")  # an empty array, or no value
_NO_PRINCIPAL: Final = Raw(bytes(3))
_NO_SERVER: Final = Raw(bytes(6))
_RAW = (
    *("principal", "server", "arguments", "secrets", "result", "tools", "claimed_client", "capabilities"),
    *("resource_digest", "root_call_id", "arguments_digest", "sql", "listing", "text_tags", "request_state_digest"),
    *("task_digest", "authorization", "peer", "http", "evidence"),
)
_OF_A_MESSAGE = Runs(
    by="workload",
    spans=(
        *(("boot_id", "producer"), ("key_id", "method"), ("era", "trace_source"), ("tool", "server")),
        *(("dispatch_mode", "lease"), ("sql", "evidence")),
    ),
)
_OF_A_BATCH = Runs(by="workload", spans=(("boot_id", "producer"), ("key_id", "image"), ("summarised", "labels")))
_NOWHERE: Final = Placement()
_UNSEEN: Final = Coverage()


@lru_cache(1024)
def _placement(*named: str | None) -> Placement | None:
    placement = Placement(**dict(zip(Placement.__slots__, named, strict=True)))
    return placement if placement != _NOWHERE else None


@dataclass(slots=True, eq=False, kw_only=True)
class Named:
    """What one argument names."""

    pointer: str
    kind: ValueKind
    digests: tuple[str, ...]


@dataclass(slots=True, eq=False, kw_only=True)
class LazyMessage:
    """A ProtocolEvent. `named` are its arguments, read; the other names mean what they mean there."""

    event_id: str = ""
    workload: str = ""
    correlation_id: str = ""
    call_id: str = ""
    wall_ns: int = 0
    mono_ns: int = 0
    boot_id: str = ""
    host: str = ""
    cluster: str = ""
    lost_before: int = 0
    key_id: str = ""
    conversation: str = ""
    conversation_source: ConversationSource = "unknown"
    direction: Direction = "unknown"
    kind: MessageKind = "unknown"
    method: str | None = None
    era: Era = "unknown"
    parent_span_id: str | None = None
    tool: str | None = None
    principal: Raw = _NO_PRINCIPAL
    server: Raw = _NO_SERVER
    size: int = 0
    inspected: int = 0
    arguments: Raw = _NONE
    secrets: Raw = _NONE
    result: Raw = _NONE
    is_error: bool | None = None
    error_code: int | None = None
    tools: Raw = _NONE
    anomalies: tuple[str, ...] = ()
    in_flight: tuple[str, ...] = ()
    lease: Lease = "none"
    claimed_client: Raw = _NONE
    capabilities: Raw = _NONE
    resource_digest: Raw = _NONE
    root_call_id: Raw = _NONE
    arguments_digest: Raw = _NONE
    sql: Raw = _NONE
    listing: Raw = _NONE
    text_tags: Raw = _NONE
    request_state_digest: Raw = _NONE
    task_digest: Raw = _NONE
    authorization: Raw = _NONE
    peer: Raw = _NONE
    http: Raw = _NONE
    action: Action = "forwarded"
    policy: tuple[str, ...] = ()
    evidence: Raw = _NONE
    named: tuple[Named, ...] = ()


@dataclass(slots=True, eq=False, kw_only=True)
class Envelope:
    """An ExecutionBatch without its events."""

    event_id: str
    workload: str
    wall_ns: int
    mono_ns: int
    boot_id: str
    host: str
    cluster: str
    lost_before: int
    key_id: str
    status: BatchStatus
    features: tuple[str, ...]
    pod_uid: str | None
    pod: str | None
    namespace: str | None
    container_id: str | None
    image: str | None
    lost_from_ns: int
    image_name: str | None
    container: str | None
    owner: str | None
    node: str | None
    rate_limited: int
    calls: tuple[CallRef, ...]

    @property
    def placement(self) -> Placement | None:
        """Where the workload runs; None where the sensor could name nothing of it."""
        return _placement(
            *(self.pod_uid, self.pod, self.namespace, self.container_id, self.container, self.image, self.image_name),
            *(self.owner, self.node),
        )


@dataclass(slots=True, eq=False, kw_only=True)
class LazyBatch:
    """An ExecutionBatch. `wall_ns` is its time, or its arrival where its clock is wrong."""

    wall_ns: int
    envelope: Envelope
    events: list[LazyEvent]

    @property
    def event_id(self) -> str:
        return self.envelope.event_id


class LazyCall:
    """A Call while it is put together, and on its way out. No dataclass: making one would set every field twice."""

    event_id: str = ""
    workload: str = ""
    correlation_id: str = ""
    call_id: str = ""
    wall_ns: int = 0
    mono_ns: int = 0
    boot_id: str = ""
    host: str = ""
    cluster: str = ""
    key_id: str = ""
    revision: int = 0
    state: CallState = "complete"
    conversation: str = ""
    conversation_source: ConversationSource = "unknown"
    era: Era = "unknown"
    method: str = ""
    tool: str | None = None
    principal: Raw = _NO_PRINCIPAL
    server: Raw = _NO_SERVER
    started_ns: int = 0
    ended_ns: int = 0
    parent_span_id: str | None = None
    is_error: bool | None = None
    error_code: int | None = None
    request_size: int = 0
    response_size: int = 0
    arguments: Raw = _NONE
    secrets: Raw = _NONE
    result: Raw = _NONE
    tools: Raw = _NONE
    anomalies: tuple[str, ...] = ()
    claimed_client: Raw = _NONE
    capabilities: Raw = _NONE
    resource_digest: Raw = _NONE
    root_call_id: Raw = _NONE
    arguments_digest: Raw = _NONE
    sql: Raw = _NONE
    listing: Raw = _NONE
    text_tags: Raw = _NONE
    request_state_digest: Raw = _NONE
    task_digest: Raw = _NONE
    authorization: Raw = _NONE
    peer: Raw = _NONE
    http: Raw = _NONE
    action: Action = "forwarded"
    policy: tuple[str, ...] = ()
    evidence: Raw = _NONE
    placement: Placement | None = None
    in_flight: int = 0
    binding: Binding = "none"
    effects: Raw = _NONE
    effects_dropped: int = 0
    unobserved: tuple[str, ...] = ()
    coverage: Coverage = _UNSEEN


@dataclass(slots=True, eq=False, kw_only=True)
class _Arguments:
    arguments: tuple[Named, ...]


def written(message: Mapping[str, Any], batch: Mapping[str, Any], call: Mapping[str, Any]) -> tuple[Written, ...]:
    """All that stage 1 reads and writes with, of these schemas."""
    return *_of_message(message), _of_envelope(batch), _of_call(call)


def _of_message(schema: Mapping[str, Any]) -> tuple[Written, Written]:
    arguments = [field for field in schema["fields"] if field["name"] == "arguments"]
    kinds = {"ProtocolEvent": _Arguments, "ArgumentFact": Named}
    whole = specialised.reading(schema, {"ProtocolEvent": LazyMessage}, _OF_A_MESSAGE)
    return whole, specialised.reading({**schema, "fields": arguments}, kinds)


def _of_envelope(schema: Mapping[str, Any]) -> Written:
    *fields, _ = schema["fields"]
    return specialised.reading(
        {**schema, "fields": fields}, {"ExecutionBatch": Envelope, "CallRef": CallRef}, _OF_A_BATCH
    )


def _of_call(schema: Mapping[str, Any]) -> Written:
    return specialised.writing(schema, raw=(*_RAW, "effects"), kind=LazyCall)


def message_reader(schema: Mapping[str, Any]) -> Read:
    """What reads the body of a ProtocolEvent as a LazyMessage."""
    read, read_arguments = (one.function() for one in _of_message(schema))

    def read_message(data: bytes, at: int) -> tuple[LazyMessage, int]:
        message, at = read(data, at)
        if message.arguments != _NONE:
            message.named = read_arguments(message.arguments, 0)[0].arguments
        return message, at

    return read_message


def batch_reader(schema: Mapping[str, Any]) -> Read:
    """What reads the body of an ExecutionBatch as a LazyBatch. Raises ValueError for a layout it does not know."""
    last = schema["fields"][-1]
    if last["name"] != "events" or not knows_layout(last["type"]["items"]):
        raise ValueError("an execution event is laid out in another way")
    read_envelope, read_events = _of_envelope(schema).function(), EventReader().read

    def read_batch(data: bytes, at: int) -> tuple[LazyBatch, int]:
        envelope, at = read_envelope(data, at)
        events, at = read_events(data, at)
        return LazyBatch(wall_ns=envelope.wall_ns, envelope=envelope, events=events), at

    return read_batch


def call_writer(schema: Mapping[str, Any], message: Mapping[str, Any]) -> Write:
    """What writes a LazyCall as the body of a Call, of which parts come from the messages of a schema as they are."""
    theirs, ours = _layouts(message), _layouts(schema)
    if different := [name for name in _RAW if theirs[name] != ours[name]]:
        raise ValueError(f"{different} are laid out in two ways")
    return _of_call(schema).function()  # type: ignore[no-any-return]


def _layouts(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {field["name"]: _layout(field["type"]) for field in schema["fields"]}


def _layout(schema: Any) -> Any:
    """A type without what does not show on the wire."""
    if isinstance(schema, list):
        return [_layout(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _layout(value) for key, value in schema.items() if key not in ("doc", "default", "aliases")}
