"""What the streams derive: one MCP request with its reply and its effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .execution import Binding, ExecutionDetail, ExecutionKind, PathSource
from .protocol import (
    Action,
    ArgumentFact,
    Authorization,
    ConversationSource,
    Era,
    Evidence,
    HttpFact,
    Listing,
    Peer,
    Principal,
    ResultFact,
    SecretFact,
    Server,
    SqlFact,
    ToolDefinition,
)

__all__ = [
    "Call",
    "CallState",
    "Coverage",
    "Effect",
    "Placement",
]

CallState = Literal["complete", "timeout", "segment", "background"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing the kernel saw a call do."""

    kind: ExecutionKind = "unknown"
    wall_ns: int = 0
    mono_ns: int = 0
    pid: int = 0
    comm: str = ""
    path: str | None = None
    path_source: PathSource = "none"
    flags: int = 0
    result: int = 0
    address: str | None = None
    port: int | None = None
    protocol: str | None = None
    bytes_out: int = 0
    bytes_in: int = 0
    arguments: tuple[str, ...] = ()
    binding: Binding = "none"
    candidates: tuple[str, ...] = ()
    evidence: str = ""
    declared: bool = False
    sensitivity: str | None = None
    destination: str | None = None
    count: int = 0
    detail: ExecutionDetail | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which layers were watching while the call ran."""

    protocol: bool = False
    execution: bool = False
    agent: bool = False
    lost_events: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a workload runs, as far as the sensor could name it."""

    pod_uid: str | None = None
    pod: str | None = None
    namespace: str | None = None
    container_id: str | None = None
    container: str | None = None
    image: str | None = None
    image_name: str | None = None
    owner: str | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One MCP request with its reply and its effects. Written again with a higher revision when late facts
    arrive."""

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
    principal: Principal = Principal()
    server: Server = Server()
    started_ns: int = 0
    ended_ns: int = 0
    parent_span_id: str | None = None
    is_error: bool | None = None
    error_code: int | None = None
    request_size: int = 0
    response_size: int = 0
    arguments: tuple[ArgumentFact, ...] = ()
    secrets: tuple[SecretFact, ...] = ()
    result: ResultFact | None = None
    tools: tuple[ToolDefinition, ...] = ()
    anomalies: tuple[str, ...] = ()
    claimed_client: str | None = None
    capabilities: tuple[str, ...] = ()
    resource_digest: str | None = None
    root_call_id: str = ""
    arguments_digest: str | None = None
    sql: tuple[SqlFact, ...] = ()
    listing: Listing | None = None
    text_tags: tuple[str, ...] = ()
    request_state_digest: str | None = None
    task_digest: str | None = None
    authorization: Authorization | None = None
    peer: Peer | None = None
    http: HttpFact | None = None
    action: Action = "forwarded"
    policy: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    placement: Placement | None = None
    in_flight: int = 0
    binding: Binding = "none"
    effects: tuple[Effect, ...] = ()
    effects_dropped: int = 0
    unobserved: tuple[str, ...] = ()
    coverage: Coverage = Coverage()
