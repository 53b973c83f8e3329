"""OTLP spans to agent spans: pure. Keeps names, ids, times and counts; prompts, outputs and arguments end here."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...models.digest import Keyring
from ...models.events import AgentSpan
from ...models.text import clean
from .. import conversation
from . import conventions as names
from .prompts import prompt_digests

__all__ = ["Mapper", "Origin", "Outcome"]

_NAME = 128
_ERROR_STATUS = 2
_DEEPEST = 16
_LONG = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where this producer runs."""

    producer: str
    boot_id: str
    host: str
    cluster: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of one export: `ignored` is none of our business, `rejected` breaks OTLP's rules, by reason."""

    spans: list[AgentSpan] = field(default_factory=list)
    ignored: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


class Mapper:
    """Numbers the events of one producer."""

    def __init__(self, origin: Origin, keyring: Keyring) -> None:
        self._origin, self._keyring = origin, keyring
        self._sequence = 0

    def map(self, resource_spans: Iterable[Any]) -> Outcome:
        """The agent spans in the `resource_spans` of an ExportTraceServiceRequest."""
        outcome = Outcome()
        for resource in resource_spans:
            service = _text(_attributes(resource.resource.attributes).get(names.SERVICE_NAME)) or ""
            for scope in resource.scope_spans:
                version = clean(scope.schema_url or resource.schema_url or names.VERSION, _NAME)
                for span in scope.spans:
                    self._one(span, service, version, outcome)
        return outcome

    def _one(self, span: Any, service: str, version: str, outcome: Outcome) -> None:
        attributes = _attributes(span.attributes)
        if names.OPERATION not in attributes and names.MCP_METHOD not in attributes:
            outcome.ignored += 1
        elif reason := _broken(span):
            outcome.rejected[reason] += 1
        else:
            outcome.spans.append(self._span(span, attributes, service, version))

    def _span(self, span: Any, attributes: Mapping[str, Any], service: str, version: str) -> AgentSpan:
        self._sequence += 1
        trace_id = span.trace_id.hex()
        identifier = attributes.get(names.CONVERSATION_ID)
        tool_call = attributes.get(names.TOOL_CALL_ID)
        return AgentSpan(
            event_id=_event_id(span),
            correlation_id=trace_id,
            wall_ns=span.start_time_unix_nano,
            boot_id=self._origin.boot_id,
            host=self._origin.host,
            cluster=self._origin.cluster,
            producer=self._origin.producer,
            sequence=self._sequence,
            key_id=self._keyring.key_id,
            trace_id=trace_id,
            span_id=span.span_id.hex(),
            parent_span_id=span.parent_span_id.hex() or None,
            operation=_text(attributes.get(names.OPERATION)) or _text(attributes.get(names.MCP_METHOD)) or "",
            name=clean(span.name, _NAME),
            agent=_text(attributes.get(names.AGENT_NAME)),
            agent_id=_text(attributes.get(names.AGENT_ID)),
            conversation=conversation.of_conversation_id(self._keyring, identifier)
            if isinstance(identifier, str) and identifier
            else None,
            tool=_text(attributes.get(names.TOOL_NAME)),
            tool_call_id=self._keyring.digest(tool_call) if isinstance(tool_call, str) else None,
            model=_text(attributes.get(names.MODEL)),
            started_ns=span.start_time_unix_nano,
            ended_ns=span.end_time_unix_nano,
            is_error=span.status.code == _ERROR_STATUS,
            error_type=_text(attributes.get(names.ERROR_TYPE)),
            prompt_digests=prompt_digests(attributes.get(names.INPUT_MESSAGES), self._keyring),
            input_tokens=_count(attributes.get(names.INPUT_TOKENS)),
            output_tokens=_count(attributes.get(names.OUTPUT_TOKENS)),
            service=service,
            semconv_version=version,
        )


def _broken(span: Any) -> str:
    """Why a span cannot be taken; empty when it can."""
    if len(span.trace_id) != 16 or not any(span.trace_id):
        return "invalid trace_id"
    if len(span.span_id) != 8 or not any(span.span_id) or len(span.parent_span_id) not in (0, 8):
        return "invalid span_id"
    if max(span.start_time_unix_nano, span.end_time_unix_nano) > _LONG:
        return "time out of range"
    return "end before start" if span.end_time_unix_nano < span.start_time_unix_nano else ""


def _event_id(span: Any) -> str:
    """The same for every export of the same span: senders retry."""
    identity = span.trace_id + span.span_id + span.start_time_unix_nano.to_bytes(8, "big")
    return str(uuid.UUID(bytes=hashlib.sha256(identity).digest()[:16]))


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any, depth: int = 0) -> Any:
    """An AnyValue as plain Python; None for bytes, for nothing and below 16 levels."""
    kind = value.WhichOneof("value")
    if kind is None or kind == "bytes_value" or depth > _DEEPEST:
        return None
    if kind == "array_value":
        return [_value(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value, depth + 1) for pair in value.kvlist_value.values}
    return getattr(value, kind)


def _text(value: object) -> str | None:
    return clean(value, _NAME) if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
