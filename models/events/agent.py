"""What an agent runtime tells of itself."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AgentSpan",
]


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
