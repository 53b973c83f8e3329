"""Calls, effects and tool definitions as flat events: the published fields of Sigma's `product: mcp`.

Names are OpenTelemetry's where it has one. An event of a call holds all values of its effects; an event of one effect
(`execution`) or of one definition (`definition`) holds its own beside those of its call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..detections.engine.subjects import FIELDS as SUBJECT_FIELDS
from ..detections.engine.subjects import Subject, candidates
from ..events import Effect
from ..turn import Turn

__all__ = [
    "ALIASES",
    "CATEGORIES",
    "FIELDS",
    "Event",
    "FlatEvent",
    "Scalar",
    "Value",
    "events",
    "known",
    "names_of",
    "spread",
    "texts",
]

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...] | None
Event = Mapping[str, Value]

CATEGORIES: Mapping[str, str] = {"call": "call", "execution": "effect", "definition": "definition"}
"""Category of the log source, and the sort of subject that is one event of it."""

_OF_CALL: Mapping[str, str] = {
    "gen_ai.tool.name": "tool",
    "gen_ai.conversation.id": "conversation",
    "mcp.method.name": "method",
    "mcp.era": "era",
    "mcp.server.id": "server.id",
    "mcp.server.name": "server.claimed_name",
    "mcp.server.version": "server.claimed_version",
    "mcp.client.name": "claimed_client",
    "mcp.call.state": "state",
    "mcp.call.is_error": "is_error",
    "mcp.call.in_flight": "in_flight",
    "mcp.call.binding": "binding",
    "mcp.call.action": "action",
    "mcp.call.anomalies": "anomalies",
    "mcp.call.policy": "policy",
    "mcp.capabilities": "capabilities",
    "mcp.request.size": "request_size",
    "mcp.response.size": "response_size",
    "mcp.text.tags": "text_tags",
    "mcp.argument.pointer": "arguments.pointer",
    "mcp.argument.kind": "arguments.kind",
    "mcp.argument.origin": "arguments.origin",
    "mcp.argument.sensitivity": "arguments.sensitivity",
    "mcp.argument.size": "arguments.size",
    "mcp.secret.family": "secrets.family",
    "mcp.result.size": "result.size",
    "mcp.result.items": "result.items",
    "mcp.result.content_types": "result.content_types",
    "mcp.sql.statement": "sql.statement",
    "mcp.sql.tables": "sql.tables",
    "mcp.unobserved": "unobserved",
    "rpc.response.status_code": "error_code",
    "enduser.id": "principal.id",
    "enduser.kind": "principal.kind",
    "enduser.executable": "principal.executable",
    "authorization.scheme": "authorization.scheme",
    "authorization.client_id": "authorization.client_id",
    "authorization.scopes": "authorization.scopes",
    "authorization.issuer": "authorization.issuer",
    "http.request.method": "http.method",
    "http.response.status_code": "http.status",
    "http.path": "http.path",
    "http.origin": "http.origin",
    "user_agent.original": "http.user_agent",
    "client.address": "peer.address",
    "client.executable": "peer.executable",
    "host.name": "host",
    "workload.id": "workload",
    "k8s.cluster.name": "cluster",
    "k8s.namespace.name": "placement.namespace",
    "k8s.pod.name": "placement.pod",
    "k8s.owner.name": "placement.owner",
    "k8s.node.name": "placement.node",
    "container.id": "placement.container_id",
    "container.image.name": "placement.image_name",
    "coverage.protocol": "coverage.protocol",
    "coverage.execution": "coverage.execution",
    "coverage.agent": "coverage.agent",
}
_OF_EFFECT: Mapping[str, str] = {
    "effect.kind": "kind",
    "effect.result": "result",
    "effect.binding": "binding",
    "effect.declared": "declared",
    "effect.operation": "detail.operation",
    "file.path": "path",
    "file.sensitivity": "sensitivity",
    "file.layer": "detail.layer",
    "process.name": "comm",
    "process.pid": "pid",
    "network.protocol": "protocol",
    "network.bytes_out": "bytes_out",
    "network.bytes_in": "bytes_in",
    "destination.address": "address",
    "destination.port": "port",
    "destination.class": "destination",
    "dns.question.name": "detail.name",
}
_OF_DEFINITION: Mapping[str, str] = {
    "mcp.tool.name": "name",
    "mcp.tool.tags": "tags",
    "mcp.tool.read_only": "read_only",
    "mcp.tool.destructive": "destructive",
    "mcp.tool.open_world": "open_world",
}


def _read(path: str) -> Callable[[Any], Value]:
    """What stands under a dotted path; all values, in order, where it leads through lists. Empty text is no value."""
    names = path.split(".")

    def read(record: Any) -> Value:
        values, many = [record], False
        for name in names:
            found = [getattr(value, name) for value in values if value is not None]
            many = many or any(isinstance(value, tuple) for value in found)
            values = [one for value in found for one in (value if isinstance(value, tuple) else (value,))]
        kept = tuple(value for value in values if value is not None and value != "")
        return kept if many else kept[0] if kept else None

    return read


def _executable(effect: Effect) -> Value:
    return effect.path if effect.kind == "exec" else None


def _command_line(effect: Effect) -> Value:
    return " ".join(effect.arguments) or None


Readers = Mapping[str, Callable[[Any], Value]]
_CALL: Readers = {name: _read(path) for name, path in _OF_CALL.items()}
_EFFECT: Readers = {
    **{name: _read(path) for name, path in _OF_EFFECT.items()},
    "process.executable.path": _executable,
    "process.command_line": _command_line,
}
_DEFINITION: Readers = {name: _read(path) for name, path in _OF_DEFINITION.items()}
ALIASES: Mapping[str, str] = {
    "Image": "process.executable.path",
    "CommandLine": "process.command_line",
    "TargetFilename": "file.path",
    "DestinationIp": "destination.address",
    "DestinationPort": "destination.port",
    "QueryName": "dns.question.name",
}
"""Sigma's own names for what the kernel saw, so that existing rules need another log source only."""


_DERIVED_FROM: Mapping[str, dict[str, str]] = {
    "call": {"server": "mcp.server.id"},
    "effect": {"access": "file.access"},
}


def names_of(sort: str) -> dict[str, str]:
    """By attribute of a call, an effect or a definition, or of the detail of an effect, what is published of it."""
    tables = {"call": _OF_CALL, "effect": _OF_EFFECT, "definition": _OF_DEFINITION}
    names = {path: name for name, path in tables[sort].items() if "." not in path.removeprefix("detail.")}
    return names | _DERIVED_FROM.get(sort, {})


def known(category: str, field: str) -> str | None:
    """The published name of a field of this category; None for one that no event of it has."""
    name = ALIASES.get(field, field)
    return name if name in FIELDS[category] else None


class FlatEvent(Mapping[str, Value]):
    """One subject as a flat event, read where a rule asks. A field without a value is None; a list stays a tuple, as
    does an effect's field in the event of a whole call."""

    __slots__ = ("_category", "_known", "_subject")

    def __init__(self, subject: Subject, category: str) -> None:
        self._subject = subject
        self._category = category
        self._known: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        if name not in FIELDS[self._category]:
            raise KeyError(name)
        if name not in self._known:
            self._known[name] = _value(self._subject, name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(FIELDS[self._category]))

    def __len__(self) -> int:
        return len(FIELDS[self._category])


def events(turn: Turn, category: str) -> Iterator[tuple[Subject, Event]]:
    """Everything of one category in a turn."""
    for call in turn.calls:
        for subject in candidates(turn, call, CATEGORIES[category]):
            yield subject, FlatEvent(subject, category)


def _value(subject: Subject, name: str) -> Value:
    if name in _DERIVED:
        return _DERIVED[name](subject)
    if name in _CALL:
        return _CALL[name](subject.call)
    if name in _EFFECT:
        effects = subject.call.effects
        return _EFFECT[name](subject.effect) if subject.effect else _all(map(_EFFECT[name], effects))
    definition = subject.definition
    return _DEFINITION[name](definition) if definition else _all(map(_DEFINITION[name], subject.call.tools))


def _access(subject: Subject) -> Value:
    """What an open asked for: read, write or both."""
    if subject.effect is None:
        return _all(map(_access, candidates(subject.turn, subject.call, "effect")))
    access = SUBJECT_FIELDS["effect"]["access"].read(subject)
    return None if access == "none" else str(access)


def _agent(subject: Subject) -> Value:
    return next((span.agent for span in subject.turn.spans if span.agent), None)


def _duration(subject: Subject) -> Value:
    return max(0, subject.call.ended_ns - subject.call.started_ns) // 1_000_000


_DERIVED: Readers = {"gen_ai.agent.name": _agent, "mcp.call.duration_ms": _duration, "file.access": _access}

FIELDS: Mapping[str, frozenset[str]] = {
    "call": frozenset({*_CALL, *_EFFECT, *_DEFINITION, *_DERIVED}),
    "execution": frozenset({*_CALL, *_EFFECT, *_DERIVED}),
    "definition": frozenset({*_CALL, *_DEFINITION, *_DERIVED} - {"file.access"}),
}
"""The fields of each category."""


def _all(values: Iterable[Value]) -> Value:
    return tuple(one for value in values for one in spread(value))


def spread(value: Value) -> tuple[Scalar, ...]:
    """Every value of a field."""
    return value if isinstance(value, tuple) else () if value is None else (value,)


def texts(value: Value) -> tuple[str, ...]:
    """The values as Sigma compares them: flags are `true` and `false`, all else as written."""
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in spread(value))
