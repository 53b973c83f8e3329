"""OTLP spans and log records to agent spans: pure. Keeps names, ids, times and counts; prompts and outputs end here."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...models.digest import Keyring
from ...models.events import AgentSpan
from ...models.text import clean
from .. import conversation
from . import conventions as names
from .prompts import event_texts, prompt_digests, prompt_texts
from .values import NAME, count, plain, text
from .values import attributes as attributes_of

__all__ = ["Mapper", "Origin", "Outcome"]

_ERROR_STATUS = 2
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
            service = text(attributes_of(resource.resource.attributes).get(names.SERVICE_NAME)) or ""
            for scope in resource.scope_spans:
                version = clean(scope.schema_url or resource.schema_url or names.VERSION, NAME)
                for span in scope.spans:
                    self._one(span, service, version, outcome)
        return outcome

    def map_logs(self, resource_logs: Iterable[Any]) -> Outcome:
        """The prompts in the `resource_logs` of an ExportLogsServiceRequest, each record as a span of its own that has
        the record's span for its parent: runtimes may tell of prompts in events beside their spans."""
        outcome = Outcome()
        for resource in resource_logs:
            service = text(attributes_of(resource.resource.attributes).get(names.SERVICE_NAME)) or ""
            for scope in resource.scope_logs:
                version = clean(scope.schema_url or resource.schema_url or names.VERSION, NAME)
                for record in scope.log_records:
                    self._heard(record, service, version, outcome)
        return outcome

    def _heard(self, record: Any, service: str, version: str, outcome: Outcome) -> None:
        attributes = attributes_of(record.attributes)
        name = record.event_name or text(attributes.get(names.EVENT_NAME)) or ""
        digests = prompt_digests(event_texts(name, attributes, plain(record.body)), self._keyring)
        if not digests:
            outcome.ignored += 1
        elif reason := _unplaced(record):
            outcome.rejected[reason] += 1
        else:
            at_ns = record.time_unix_nano or record.observed_time_unix_nano
            outcome.spans.append(self._prompt(record, at_ns, digests, name=name, service=service, version=version))

    def _prompt(self, record: Any, at_ns: int, digests: tuple[str, ...], **named: str) -> AgentSpan:
        trace_id = record.trace_id.hex()
        own = hashlib.sha256("/".join((trace_id, record.span_id.hex(), str(at_ns), *digests)).encode()).digest()
        return AgentSpan(
            **self._envelope(trace_id, at_ns),
            event_id=str(uuid.UUID(bytes=own[:16])),
            span_id=own[16:24].hex(),
            parent_span_id=record.span_id.hex() or None,
            name=clean(named["name"], NAME),
            started_ns=at_ns,
            ended_ns=at_ns,
            prompt_digests=digests,
            service=named["service"],
            semconv_version=named["version"],
        )

    def _envelope(self, trace_id: str, at_ns: int) -> dict[str, Any]:
        self._sequence += 1
        return {
            "correlation_id": trace_id,
            "trace_id": trace_id,
            "wall_ns": at_ns,
            "boot_id": self._origin.boot_id,
            "host": self._origin.host,
            "cluster": self._origin.cluster,
            "producer": self._origin.producer,
            "sequence": self._sequence,
            "key_id": self._keyring.key_id,
        }

    def _one(self, span: Any, service: str, version: str, outcome: Outcome) -> None:
        attributes = attributes_of(span.attributes)
        if names.OPERATION not in attributes and names.MCP_METHOD not in attributes:
            outcome.ignored += 1
        elif reason := _broken(span):
            outcome.rejected[reason] += 1
        else:
            outcome.spans.append(self._span(span, attributes, service, version))

    def _span(self, span: Any, attributes: Mapping[str, Any], service: str, version: str) -> AgentSpan:
        identifier = attributes.get(names.CONVERSATION_ID)
        tool_call = attributes.get(names.TOOL_CALL_ID)
        return AgentSpan(
            **self._envelope(span.trace_id.hex(), span.start_time_unix_nano),
            event_id=_event_id(span),
            span_id=span.span_id.hex(),
            parent_span_id=span.parent_span_id.hex() or None,
            operation=text(attributes.get(names.OPERATION)) or text(attributes.get(names.MCP_METHOD)) or "",
            name=clean(span.name, NAME),
            agent=text(attributes.get(names.AGENT_NAME)),
            agent_id=text(attributes.get(names.AGENT_ID)),
            conversation=conversation.of_conversation_id(self._keyring, identifier)
            if isinstance(identifier, str) and identifier
            else None,
            tool=text(attributes.get(names.TOOL_NAME)),
            tool_call_id=self._keyring.digest(tool_call) if isinstance(tool_call, str) else None,
            model=text(attributes.get(names.MODEL)),
            started_ns=span.start_time_unix_nano,
            ended_ns=span.end_time_unix_nano,
            is_error=span.status.code == _ERROR_STATUS,
            error_type=text(attributes.get(names.ERROR_TYPE)),
            prompt_digests=prompt_digests(_prompts(span, attributes), self._keyring),
            input_tokens=count(attributes.get(names.INPUT_TOKENS)),
            output_tokens=count(attributes.get(names.OUTPUT_TOKENS)),
            service=service,
            semconv_version=version,
        )


def _prompts(span: Any, attributes: Mapping[str, Any]) -> Iterator[str]:
    """What the prompt says in a span and in its events."""
    yield from prompt_texts(attributes)
    for event in span.events:
        yield from event_texts(event.name, attributes_of(event.attributes))


def _unplaced(record: Any) -> str:
    """Why a log record belongs to no trace; empty where it does."""
    if len(record.trace_id) != 16 or not any(record.trace_id):
        return "invalid trace_id"
    if len(record.span_id) not in (0, 8):
        return "invalid span_id"
    return "time out of range" if max(record.time_unix_nano, record.observed_time_unix_nano) > _LONG else ""


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
