"""Protocol events as spool records: plain JSON, because a wrapper must not spend its start on the Avro library."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import orjson

from ....models.events import ProtocolEvent

__all__ = ["dump", "load"]


def dump(event: ProtocolEvent) -> bytes:
    """JSON text of an event."""
    return orjson.dumps(event)


def load(record: bytes) -> ProtocolEvent:
    """The event of a record. Raises ValueError, TypeError, KeyError or AttributeError for anything else."""
    from ....models.wire import constructor  # noqa: PLC0415

    plain: dict[str, Any] = orjson.loads(record)
    if plain.keys() != {field.name for field in fields(ProtocolEvent)}:
        raise ValueError("a field is missing or unknown")
    return constructor(ProtocolEvent)(plain)  # type: ignore[no-any-return]
