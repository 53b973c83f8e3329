"""Protocol events as spool records: plain JSON, because a wrapper must not spend its start on the Avro library."""

from __future__ import annotations

from typing import Any

import orjson

from ...models.events import (
    ArgumentFact,
    Principal,
    ProtocolEvent,
    ResultFact,
    SecretFact,
    Server,
    StreamSpan,
    ToolDefinition,
)

__all__ = ["dump", "load"]


def dump(event: ProtocolEvent) -> bytes:
    """JSON text of an event."""
    return orjson.dumps(event)


def load(record: bytes) -> ProtocolEvent:
    """The event of a record. Raises ValueError, TypeError or KeyError for anything else."""
    plain: dict[str, Any] = orjson.loads(record)
    plain["capabilities"] = tuple(plain["capabilities"])
    plain["anomalies"] = tuple(plain["anomalies"])
    plain["in_flight"] = tuple(plain["in_flight"])
    plain["principal"] = Principal(**plain["principal"])
    plain["server"] = Server(**plain["server"])
    plain["span"] = StreamSpan(**plain["span"])
    plain["secrets"] = tuple(SecretFact(**fact) for fact in plain["secrets"])
    plain["arguments"] = tuple(ArgumentFact(**_tuples(fact, "digests")) for fact in plain["arguments"])
    plain["tools"] = tuple(ToolDefinition(**_tuples(tool, "tags")) for tool in plain["tools"])
    if plain["result"] is not None:
        plain["result"] = ResultFact(**_tuples(plain["result"], "content_types"))
    return ProtocolEvent(**plain)


def _tuples(plain: dict[str, Any], name: str) -> dict[str, Any]:
    return plain | {name: tuple(plain[name])}
