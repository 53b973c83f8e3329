"""One record of a topic as a recording keeps it: its place, time, key and headers around the event it carries.

The event's own schema stands inside the file's, so that every Avro tool reads its fields; its bytes are copied as they
came. What is no event of a known schema is kept as bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .container import Block, bytes_at, long_at, put_bytes, put_long

__all__ = ["FRAME", "RECORD", "Recorded", "datum", "read", "schema_around", "value_schema"]

RECORD = "triptych.Recorded"
FRAME = 5
"""Bytes of Confluent framing before an event: a zero and the schema id."""

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A record as Kafka had it. `timestamp` is in milliseconds, its type 0 when the producer set it, 1 the broker."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes
    headers: Headers = ()


def schema_around(event: Mapping[str, Any] | None) -> dict[str, Any]:
    """The schema of a file of such records; None: their values are bytes."""
    header = {
        "type": "record",
        "name": "Header",
        "fields": [{"name": "name", "type": "string"}, {"name": "value", "type": ["null", "bytes"]}],
    }
    fields = [
        {"name": "partition", "type": "int", "doc": "Partition of the record."},
        {"name": "offset", "type": "long", "doc": "Its offset there."},
        {
            "name": "timestamp",
            "type": {"type": "long", "logicalType": "timestamp-millis"},
            "doc": "The record's timestamp.",
        },
        {"name": "timestamp_type", "type": "int", "doc": "0: the producer set it; 1: the broker did."},
        {"name": "key", "type": ["null", "bytes"], "doc": "Its key."},
        {"name": "headers", "type": {"type": "array", "items": header}, "doc": "Its headers, in order."},
        {"name": "size", "type": "int", "doc": "Bytes of the value as it stands here."},
        {"name": "value", "type": event or "bytes", "doc": "The event, without its framing."},
    ]
    return {"type": "record", "name": RECORD, "doc": "A record of a topic.", "fields": fields}


def value_schema(schema: Any) -> Any:
    """What the values of such a file are: an event's schema or "bytes"; None where it is no such file."""
    if not isinstance(schema, dict) or schema.get("name") != RECORD:
        return None
    return next((field["type"] for field in schema["fields"] if field["name"] == "value"), None)


def datum(record: Recorded, body: bytes, *, event: bool) -> bytes:
    """A record as it stands in a file; `body` is an event without its framing, or any bytes."""
    out = bytearray()
    for number in (record.partition, record.offset, record.timestamp, record.timestamp_type):
        put_long(number, out)
    _put_option(record.key, out)
    if record.headers:
        put_long(len(record.headers), out)
        for name, value in record.headers:
            put_bytes(name.encode(), out)
            _put_option(value, out)
    out.append(0)
    value_ = bytearray()
    if not event:
        put_long(len(body), value_)
    value_ += body
    put_long(len(value_), out)
    return bytes(out + value_)


def read(block: Block, topic: str, frame: bytes | None) -> Iterator[Recorded]:
    """The records of a block. `frame` goes before each event; None: values are bytes.

    Raises IndexError or ValueError where the block does not hold such records.
    """
    data, at = block.data, 0
    for _ in range(block.count):
        (partition, offset, timestamp, timestamp_type), at = _longs(data, at, 4)
        key, at = _option_at(data, at)
        headers, at = _headers_at(data, at)
        body, at = bytes_at(data, at)
        value = bytes_at(body, 0)[0] if frame is None else frame + body
        yield Recorded(
            topic=topic,
            partition=partition,
            offset=offset,
            timestamp=timestamp,
            timestamp_type=timestamp_type,
            key=key,
            value=value,
            headers=headers,
        )
    if at != len(data):
        raise ValueError("more in a block than its records")


def _longs(data: bytes, at: int, many: int) -> tuple[list[int], int]:
    numbers = []
    for _ in range(many):
        number, at = long_at(data, at)
        numbers.append(number)
    return numbers, at


def _put_option(value: bytes | None, out: bytearray) -> None:
    if value is None:
        out.append(0)
    else:
        out.append(2)
        put_bytes(value, out)


def _option_at(data: bytes, at: int) -> tuple[bytes | None, int]:
    branch, at = long_at(data, at)
    return bytes_at(data, at) if branch else (None, at)


def _headers_at(data: bytes, at: int) -> tuple[Headers, int]:
    headers = []
    many, at = long_at(data, at)
    while many:
        if many < 0:
            many, (_, at) = -many, long_at(data, at)
        for _ in range(many):
            name, at = bytes_at(data, at)
            value, at = _option_at(data, at)
            headers.append((name.decode(), value))
        many, at = long_at(data, at)
    return tuple(headers), at
