"""The six categories of events that an audit trail must show, and which records of ours belong to which. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from ...models.events import Alert, Call, ExecutionBatch, ExecutionKind, ProtocolEvent

__all__ = ["CATEGORIES", "Category", "Record", "categories_of"]

Category = Literal[
    "authentication",
    "tool invocation",
    "resource access",
    "network connection",
    "policy violation",
    "anomaly",
]
CATEGORIES: tuple[Category, ...] = get_args(Category)
Record = ProtocolEvent | ExecutionBatch | Call | Alert

_OF_RESOURCES = frozenset({"open", "io", "change", "descriptor"})
_OF_NETWORK = frozenset({"connect", "flow", "dns", "listen", "accept"})
_POLICY = "protocol.policy-violation"


def categories_of(record: Record) -> frozenset[Category]:
    """The categories a record is evidence of; none for what is only context, such as a heartbeat."""
    if isinstance(record, Alert):
        return _of_alert(record)
    if isinstance(record, ExecutionBatch):
        return frozenset(_of_kinds(event.kind for event in record.events))
    found = set(_of_kinds(effect.kind for effect in record.effects)) if isinstance(record, Call) else set[Category]()
    if record.authorization is not None or record.principal.id:
        found.add("authentication")
    if record.method == "tools/call":
        found.add("tool invocation")
    if record.method in ("resources/read", "resources/subscribe"):
        found.add("resource access")
    if record.action == "blocked" or record.policy:
        found.add("policy violation")
    if record.anomalies:
        found.add("anomaly")
    return frozenset(found)


def _of_alert(alert: Alert) -> frozenset[Category]:
    policy = any(hit.id == _POLICY for hit in alert.rules)
    return frozenset({"anomaly", "policy violation"} if policy else {"anomaly"})


def _of_kinds(kinds: Iterable[ExecutionKind]) -> Iterator[Category]:
    seen = set(kinds)
    if seen & _OF_RESOURCES:
        yield "resource access"
    if seen & _OF_NETWORK:
        yield "network connection"
