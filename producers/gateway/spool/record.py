"""What a spool holds, record by record: JSON, because a wrapper must not spend its start on the Avro library.

A head says once what the events of a connection share; an event names its head by number and says only what differs
from it and from the defaults. A record without a head is a whole event: so did format 1 write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

__all__ = ["FORMAT", "HEAD", "Entry", "Head", "dump", "head"]

FORMAT = 2
HEAD = b'{"format":'  # how a head starts, and no event


class Head(NamedTuple):
    """`number` is unique in a spool and never used for another head."""

    number: int
    record: bytes


Entry = tuple[Head, bytes]  # an event's record, and the head it names


def head(number: int, fields: Mapping[str, Any]) -> Head:
    return Head(number, orjson.dumps({"format": FORMAT, "head": number, "fields": fields}))


dump: Callable[[object], bytes] = orjson.dumps
"""JSON text of an event: its fields, or a whole one."""
