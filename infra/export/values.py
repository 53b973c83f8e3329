"""OTLP's attributes out of plain values; every text is inert (models/text.py), what is empty is left out. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from ...models.text import inert

__all__ = ["Value", "attributes", "span_id", "trace_id"]

Value = str | bool | int | float | Sequence[str] | None

_TEXT = 1024
_HEX = 16


def attributes(told: Mapping[str, Value]) -> Iterator[KeyValue]:
    """None, empty texts and empty lists say nothing and are left out; 0 and False say something."""
    for name, value in told.items():
        if value is None or value == "" or (isinstance(value, Sequence) and not value):
            continue
        yield KeyValue(key=name, value=_any(value))


def _any(value: Value) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=inert(value, _TEXT))
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=ArrayValue(values=[_any(item) for item in value or ()]))


def trace_id(correlation_id: str, otherwise: str) -> bytes:
    """The correlation id where it is a trace id, else 16 bytes that are always the same for the same call."""
    try:
        found = bytes.fromhex(correlation_id)
    except ValueError:
        found = b""
    return found if len(found) == _HEX and any(found) else hashlib.sha256(otherwise.encode()).digest()[:_HEX]


def span_id(of: str) -> bytes:
    """8 bytes that are always the same for the same call."""
    return hashlib.sha256(b"span\0" + of.encode()).digest()[:8]
