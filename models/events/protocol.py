"""What a gateway observes: MCP messages and incidents of their transport."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Action",
    "ArgumentFact",
    "Authorization",
    "ConversationSource",
    "Direction",
    "DispatchMode",
    "Era",
    "Evidence",
    "HttpFact",
    "JsonType",
    "Lease",
    "Listing",
    "MessageKind",
    "Origin",
    "PayloadShape",
    "Peer",
    "Principal",
    "PrincipalKind",
    "ProtocolEvent",
    "ResultFact",
    "SecretFact",
    "Server",
    "SocketPair",
    "SqlFact",
    "StreamSpan",
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
class PayloadShape:
    """How the message's JSON is built; 0 where it was not read."""

    depth: int = 0
    scalars: int = 0
    longest: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlFact:
    """One SQL statement among the arguments; never its text."""

    pointer: str = ""
    statement: str = ""
    statements: int = 0
    tables: tuple[str, ...] = ()
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the reply to a list request says of the list as a whole."""

    first: bool = False
    last: bool = False
    ttl_ms: int | None = None
    cache_scope: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What the caller presented to be authorised; never a token. Claims of an unverified token are the sender's
    word."""

    scheme: str = ""
    token_digest: str = ""
    format: str = ""
    verified: bool = False
    issuer: str | None = None
    subject_digest: str | None = None
    client_id: str | None = None
    audience: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    expires_s: int | None = None
    token_id_digest: str | None = None
    bound: bool = False
    proof: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who dialled the gateway."""

    address: str = ""
    port: int = 0
    pid: int | None = None
    uid: int | None = None
    executable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFact:
    """The HTTP message around the JSON-RPC message; header values are the sender's word."""

    method: str = ""
    path: str = ""
    status: int | None = None
    session_digest: str | None = None
    user_agent: str | None = None
    origin: str | None = None
    host: str | None = None
    protocol_version: str | None = None
    parameter_headers: tuple[str, ...] = ()
    challenge_error: str | None = None
    challenge_scopes: tuple[str, ...] = ()
    streamed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketPair:
    """The two ends of one TCP connection, as the gateway sees them."""

    local_address: str = ""
    local_port: int = 0
    remote_address: str = ""
    remote_port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one anomaly or policy rule rests on; facts, never content."""

    about: str = ""
    detail: str = ""


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
    root_call_id: str = ""
    arguments_digest: str | None = None
    shape: PayloadShape | None = None
    sql: tuple[SqlFact, ...] = ()
    listing: Listing | None = None
    text_tags: tuple[str, ...] = ()
    input_requests: tuple[str, ...] = ()
    request_state_digest: str | None = None
    task_digest: str | None = None
    subscription_digest: str | None = None
    authorization: Authorization | None = None
    peer: Peer | None = None
    http: HttpFact | None = None
    upstream: SocketPair | None = None
    policy: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
