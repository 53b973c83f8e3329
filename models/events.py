"""Events as the layers observe them and records as the streams derive them: frozen twins of the schemas in avro/.

What each field means stands once, as its `doc` in the schema; a test keeps both equal. Enumerations are plain strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Action",
    "Activity",
    "AgentSpan",
    "Alert",
    "ArgumentFact",
    "BatchStatus",
    "Binding",
    "Call",
    "CallRef",
    "CallState",
    "ConversationSource",
    "Coverage",
    "DeadLetter",
    "Direction",
    "DispatchMode",
    "Effect",
    "Era",
    "Event",
    "ExecutionBatch",
    "ExecutionEvent",
    "ExecutionKind",
    "JsonType",
    "Layer",
    "LearningState",
    "Lease",
    "MessageKind",
    "Origin",
    "PathSource",
    "Principal",
    "PrincipalKind",
    "ProtocolEvent",
    "Reason",
    "ResultFact",
    "RuleHit",
    "Score",
    "SecretFact",
    "Server",
    "Severity",
    "StreamSpan",
    "TimelineEntry",
    "ToolDefinition",
    "TraceSource",
    "ValueKind",
]

JsonType = Literal["unknown", "string", "integer", "number", "boolean", "null", "object", "array"]
ValueKind = Literal["other", "text", "path", "host", "url"]
Origin = Literal["unknown", "prompt", "result", "none"]
PrincipalKind = Literal["unknown", "configured", "os_user", "token", "peer"]
ConversationSource = Literal["unknown", "baggage", "session_header", "token", "peer", "process"]
Direction = Literal["unknown", "client_to_server", "server_to_client"]
MessageKind = Literal["unknown", "request", "response", "error", "notification", "invalid", "transport"]
Era = Literal["unknown", "legacy", "modern"]
TraceSource = Literal["minted", "meta", "header"]
DispatchMode = Literal["concurrent", "serialised", "replica"]
Lease = Literal["none", "granted", "refused", "lost"]
Action = Literal["forwarded", "blocked"]
ExecutionKind = Literal["unknown", "exec", "fork", "exit", "open", "connect", "flow"]
Binding = Literal["none", "exact", "cooperative", "lineage", "window", "candidates"]
PathSource = Literal["none", "kernel", "argument"]
BatchStatus = Literal["events", "start", "heartbeat", "stop"]
CallState = Literal["complete", "timeout", "segment", "background"]
Layer = Literal["unknown", "protocol", "execution", "agent", "chain"]
Severity = Literal["unknown", "informational", "low", "medium", "high", "critical"]
LearningState = Literal["learning", "provisional", "active"]
Activity = Literal["create", "update", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentFact:
    """What is known of one argument value; never the value."""

    pointer: str = ""
    type: JsonType = "unknown"
    kind: ValueKind = "other"
    size: int = 0
    digests: tuple[str, ...] = ()
    sensitivity: str | None = None
    origin: Origin = "unknown"
    origin_call: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFact:
    """Secret-like content that was seen and not published."""

    family: str = ""
    pointer: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDefinition:
    """One tool as the server described it, field by field; digests are SHA-256 over RFC 8785 canonical JSON, 64
    hex digits."""

    name: str = ""
    digest: str = ""
    description_digest: str = ""
    input_digest: str = ""
    output_digest: str = ""
    annotations_digest: str = ""
    read_only: bool | None = None
    destructive: bool | None = None
    open_world: bool | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFact:
    """What is known of one result; never its content."""

    content_types: tuple[str, ...] = ()
    items: int = 0
    size: int = 0
    digest: str = ""
    structured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """On whose behalf a call was made, as far as the gateway can know."""

    kind: PrincipalKind = "unknown"
    id: str = ""
    executable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The MCP server behind one gateway."""

    id: str = ""
    claimed_name: str | None = None
    claimed_version: str | None = None
    pid: int = 0
    start_ns: int = 0
    executable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpan:
    """Where the bytes of a message lie in its pipe."""

    inode: int = 0
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolEvent:
    """One MCP message that passed a gateway, or one incident of its transport. Facts, never content."""

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
    conversation: str = ""
    conversation_source: ConversationSource = "unknown"
    connection_id: str = ""
    direction: Direction = "unknown"
    kind: MessageKind = "unknown"
    method: str | None = None
    jsonrpc_id: str | None = None
    era: Era = "unknown"
    era_evidence: str = ""
    protocol_version: str | None = None
    trace_source: TraceSource = "minted"
    parent_span_id: str | None = None
    tool: str | None = None
    resource_digest: str | None = None
    claimed_client: str | None = None
    capabilities: tuple[str, ...] = ()
    principal: Principal = Principal()
    server: Server = Server()
    size: int = 0
    inspected: int = 0
    digest: str = ""
    arguments: tuple[ArgumentFact, ...] = ()
    secrets: tuple[SecretFact, ...] = ()
    result: ResultFact | None = None
    is_error: bool | None = None
    error_code: int | None = None
    result_type: str | None = None
    tools: tuple[ToolDefinition, ...] = ()
    anomalies: tuple[str, ...] = ()
    span: StreamSpan = StreamSpan()
    in_flight: tuple[str, ...] = ()
    dispatch_mode: DispatchMode = "concurrent"
    lease: Lease = "none"
    latency_ns: int | None = None
    action: Action = "forwarded"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpan:
    """One GenAI span of an agent runtime, reduced to facts. Prompts and outputs never leave the producer."""

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
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str | None = None
    operation: str = ""
    name: str = ""
    agent: str | None = None
    agent_id: str | None = None
    conversation: str | None = None
    tool: str | None = None
    tool_call_id: str | None = None
    model: str | None = None
    started_ns: int = 0
    ended_ns: int = 0
    is_error: bool = False
    error_type: str | None = None
    prompt_digests: tuple[str, ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    service: str = ""
    semconv_version: str = ""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One fact that speaks for a finding."""

    fact: str = ""
    layer: Layer = "unknown"
    weight: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of a finding's story, in event time."""

    wall_ns: int = 0
    layer: Layer = "unknown"
    title: str = ""
    source: str = ""
    call_id: str = ""
    notable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHit:
    """One detection that matched."""

    id: str = ""
    version: int = 0
    title: str = ""
    severity: Severity = "unknown"
    evidence: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What the model said of the turn."""

    risk: float = 0.0
    p: float = 0.0
    calibration_size: int = 0
    state: LearningState = "learning"
    model_id: str = ""
    feature_set: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One finding, as stream consumers read it. A later revision of the same finding keeps finding_uid and
    raises sequence."""

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
    finding_uid: str = ""
    sequence: int = 0
    activity: Activity = "create"
    title: str = ""
    message: str = ""
    severity: Severity = "unknown"
    risk: float = 0.0
    confidence: int = 0
    conversation: str = ""
    principal: Principal = Principal()
    server: Server = Server()
    tool: str | None = None
    agent: str | None = None
    call_ids: tuple[str, ...] = ()
    started_ns: int = 0
    ended_ns: int = 0
    rules: tuple[RuleHit, ...] = ()
    score: Score | None = None
    reasons: tuple[Reason, ...] = ()
    binding: Binding = "none"
    coverage: Coverage = Coverage()
    timeline: tuple[TimelineEntry, ...] = ()
    effects: tuple[Effect, ...] = ()
    unobserved: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that could not be processed, with its reason. Nothing is dropped in silence."""

    event_id: str = ""
    topic: str = ""
    partition: int = 0
    offset: int = 0
    wall_ns: int = 0
    code: str = ""
    reason: str = ""
    stage: str = ""
    key: bytes | None = None
    value: bytes = b""


Event = ProtocolEvent | ExecutionBatch | AgentSpan | Call | Alert | DeadLetter
