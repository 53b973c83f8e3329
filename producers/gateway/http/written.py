"""Fields of events as JSON text. HTTP says the same beside many messages, so it is written once and copied."""

from __future__ import annotations

from typing import Any, NewType

from orjson import dumps

from ..spool.record import Entry

__all__ = ["NOTHING", "Written", "extended", "written"]

Written = NewType("Written", bytes)  # members of an object, each behind a comma
NOTHING = Written(b"")


def written(**fields: Any) -> Written:
    """At least one field."""
    return Written(b"," + dumps(fields)[1:-1])


def extended(entry: Entry, fields: bytes) -> Entry:
    """The entry with more fields. They win where it has them: readers of JSON take the last of two members."""
    head, record = entry
    return head, record[:-1] + fields + b"}"
