"""What the streams derive: one MCP request with its reply and its effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .execution import Binding, ExecutionDetail, ExecutionKind, PathSource
from .protocol import ArgumentFact, ConversationSource, Era, Principal, ResultFact, SecretFact, Server, ToolDefinition

__all__ = [
    "Call",
    "CallState",
    "Coverage",
    "Effect",
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
    in_flight: int = 0
    binding: Binding = "none"
    effects: tuple[Effect, ...] = ()
    effects_dropped: int = 0
    unobserved: tuple[str, ...] = ()
    coverage: Coverage = Coverage()
