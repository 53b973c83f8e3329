"""Events as the gateway writes them: plain dictionaries, the twins of models.events for type checkers and tests.

A wrapper makes two a call, so it makes no objects of them; a field that has its default is left out. What each field
means stands in the schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from ....models.events import (
        Authorization,
        ConversationSource,
        Direction,
        DispatchMode,
        Era,
        HttpFact,
        JsonType,
        Lease,
        MessageKind,
        Origin,
        Peer,
        PrincipalKind,
        SocketPair,
        TraceSource,
        ValueKind,
    )

__all__ = [
    "ArgumentFields",
    "EventFields",
    "EvidenceFields",
    "HeadFields",
    "ListingFields",
    "PrincipalFields",
    "ResultFields",
    "SecretFields",
    "ServerFields",
    "ShapeFields",
    "SpanFields",
    "SqlFields",
    "ToolFields",
]


class ArgumentFields(TypedDict, total=False):
    pointer: str
    type: JsonType
    kind: ValueKind
    size: int
    digests: Sequence[str]
    sensitivity: str | None
    origin: Origin
    origin_call: str | None


class SecretFields(TypedDict):
    family: str
    pointer: str
    digest: str


class ResultFields(TypedDict):
    content_types: Sequence[str]
    items: int
    size: int
    digest: str
    structured: bool


class PrincipalFields(TypedDict, total=False):
    kind: PrincipalKind
    id: str
    executable: str | None


class ServerFields(TypedDict, total=False):
    id: str
    claimed_name: str | None
    claimed_version: str | None
    pid: int
    start_ns: int
    executable: str | None


class SpanFields(TypedDict):
    inode: int
    start: int
    end: int


class ShapeFields(TypedDict):
    depth: int
    scalars: int
    longest: int


class ToolFields(TypedDict):
    name: str
    digest: str
    description_digest: str
    input_digest: str
    output_digest: str
    annotations_digest: str
    read_only: bool | None
    destructive: bool | None
    open_world: bool | None
    tags: Sequence[str]


class SqlFields(TypedDict):
    pointer: str
    statement: str
    statements: int
    tables: Sequence[str]
    rows: int | None


class ListingFields(TypedDict):
    first: bool
    last: bool
    ttl_ms: int | None
    cache_scope: str | None
    digest: str | None


class EvidenceFields(TypedDict):
    about: str
    detail: str


class HeadFields(TypedDict, total=False):
    """What the events of one connection share as long as neither side says anything new of itself."""

    workload: str
    boot_id: str
    host: str
    cluster: str
    producer: str
    key_id: str
    connection_id: str
    principal: PrincipalFields
    server: ServerFields
    dispatch_mode: DispatchMode
    era: Era
    era_evidence: str
    protocol_version: str | None
    claimed_client: str | None
    capabilities: Sequence[str]


class EventFields(HeadFields, total=False):
    """`head` names the head that stands for the fields above where they are left out."""

    head: int
    correlation_id: str
    call_id: str
    wall_ns: int
    mono_ns: int
    sequence: int
    lost_before: int
    conversation: str
    conversation_source: ConversationSource
    direction: Direction
    kind: MessageKind
    method: str | None
    jsonrpc_id: str | None
    trace_source: TraceSource
    parent_span_id: str | None
    tool: str | None
    resource_digest: str | None
    size: int
    inspected: int
    digest: str
    arguments: Sequence[ArgumentFields]
    secrets: Sequence[SecretFields]
    result: ResultFields
    is_error: bool
    error_code: int | None
    result_type: str | None
    tools: Sequence[ToolFields]
    anomalies: Sequence[str]
    span: SpanFields
    in_flight: Sequence[str]
    lease: Lease
    latency_ns: int
    action: str
    root_call_id: str
    arguments_digest: str
    shape: ShapeFields
    sql: Sequence[SqlFields]
    listing: ListingFields
    text_tags: Sequence[str]
    input_requests: Sequence[str]
    request_state_digest: str
    task_digest: str
    subscription_digest: str
    authorization: Authorization
    peer: Peer
    http: HttpFact
    upstream: SocketPair
    policy: Sequence[str]
    evidence: Sequence[EvidenceFields]
