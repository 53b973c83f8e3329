"""What a spool holds, record by record: JSON, because a wrapper must not spend its start on the Avro library.

A head says once what the events of a connection share; an event names its head by number and says only what differs
from it and from the defaults. A record without a head is a whole event: so did format 1 write.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, NamedTuple

import orjson

__all__ = [
    "FORMAT",
    "HEAD",
    "HEADER",
    "UNDESCRIBED",
    "Entry",
    "Head",
    "dump",
    "framed",
    "head",
    "split",
    "undescribed",
]

FORMAT = 2
HEAD = b'{"format":'  # how a head starts, and no event
_LENGTH = struct.Struct(">I")
HEADER = _LENGTH.size  # bytes before each record: its length
UNDESCRIBED = "undescribed"  # the anomaly of a message of which only its passage is known


class Head(NamedTuple):
    """`number` is unique in a spool and never used for another head."""

    number: int
    record: bytes


Entry = tuple[Head, bytes]  # an event's record, and the head it names


def head(number: int, fields: Mapping[str, Any]) -> Head:
    return Head(number, orjson.dumps({"format": FORMAT, "head": number, "fields": fields}))


dump: Callable[[object], bytes] = orjson.dumps
"""JSON text of an event: its fields, or a whole one."""


def undescribed(record: bytes) -> bytes:
    """The record of an event, saying that nothing will be known of its content. Raises ValueError for no JSON."""
    fields: dict[str, Any] = orjson.loads(record)
    return orjson.dumps(fields | {"anomalies": sorted({*fields.get("anomalies", ()), UNDESCRIBED})})


def framed(entries: Iterable[Entry], known: Container[int], fresh: set[int]) -> bytes:
    """The bytes of the records, before each the head that it is the first to name; those heads are now in `fresh`."""
    parts: list[bytes] = []
    for head, record in entries:
        if head.number not in known and head.number not in fresh:
            fresh.add(head.number)
            parts += (_LENGTH.pack(len(head.record)), head.record)
        parts += (_LENGTH.pack(len(record)), record)
    return b"".join(parts)


def split(data: bytes) -> tuple[list[bytes], int]:
    """The whole records at the start of `data`, and how many bytes they take."""
    records = []
    at = 0
    while at + HEADER <= len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        end = at + HEADER + length
        if not length or end > len(data):  # no record is empty: there starts what was never written
            break
        records.append(data[at + HEADER : end])
        at = end
    return records, at
