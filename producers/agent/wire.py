"""OTLP/HTTP bodies (opentelemetry.io/docs/specs/otlp, 1.x): both encodings, in both directions. Pure."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from ...models.errors import TriptychError

__all__ = ["JSON", "LOGS", "PROTOBUF", "TRACES", "BadRequest", "Signal", "decode", "inflate", "response", "status"]

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_GZIP = 16 + zlib.MAX_WBITS
_INVALID_ARGUMENT = 3  # google.rpc.Code


@dataclass(frozen=True, slots=True)
class Signal:
    """What OTLP calls a kind of telemetry: its messages, and how an answer counts what was rejected."""

    request: Callable[[], Any]
    response: Callable[[], Any]
    rejected: str


TRACES = Signal(ExportTraceServiceRequest, ExportTraceServiceResponse, "rejected_spans")
LOGS = Signal(ExportLogsServiceRequest, ExportLogsServiceResponse, "rejected_log_records")


class BadRequest(TriptychError):
    """A request that cannot be read; `http` is the status for it."""

    code = "O02"

    def __init__(self, what: str, http: int = 400) -> None:
        super().__init__(what)
        self.http = http


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its content encoding, never more than `limit` bytes. Raises BadRequest."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise BadRequest(f"content-encoding {encoding[:32]!r} is not supported, use gzip or none", 415)
    inflater = zlib.decompressobj(_GZIP)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadRequest("the body is no gzip stream") from error
    if len(plain) > limit:
        raise BadRequest(f"the body is larger than {limit} bytes when unpacked", 413)
    if not inflater.eof:
        raise BadRequest("the gzip stream ends early")
    return plain


def decode(signal: Signal, body: bytes, content_type: str) -> Any:
    """The export request in a body. Raises BadRequest."""
    request = signal.request()
    try:
        if content_type == PROTOBUF:
            request.ParseFromString(body)
        elif content_type == JSON:
            json_format.ParseDict(_with_bytes(orjson.loads(body)), request, ignore_unknown_fields=True)
        else:
            raise BadRequest(f"content-type {content_type[:64]!r} is not supported, use {PROTOBUF} or {JSON}", 415)
    except (DecodeError, json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise BadRequest(f"the body is no {type(request).__name__} ({type(error).__name__})") from error
    return request


def response(signal: Signal, content_type: str, rejected: int, reason: str) -> bytes:
    """The answer to an export; `rejected` above 0 makes it a partial success."""
    answer = signal.response()
    if rejected:
        setattr(answer.partial_success, signal.rejected, rejected)
        answer.partial_success.error_message = reason
    return json_format.MessageToJson(answer).encode() if content_type == JSON else bytes(answer.SerializeToString())


def status(content_type: str, message: str, code: int = _INVALID_ARGUMENT) -> bytes:
    """A google.rpc.Status: field 1 is the code, field 2 the message (under 128 bytes, so its length is one byte)."""
    if content_type == JSON:
        return orjson.dumps({"code": code, "message": message})
    text = message.encode()[:127]
    return bytes((0x08, code, 0x12, len(text))) + text


def _with_bytes(plain: Any) -> Any:
    """OTLP's JSON writes ids in hexadecimal where protobuf's JSON expects base64."""
    for resource in (*plain.get("resourceSpans", ()), *plain.get("resourceLogs", ())):
        for scope in (*resource.get("scopeSpans", ()), *resource.get("scopeLogs", ())):
            for record in (*scope.get("spans", ()), *scope.get("logRecords", ())):
                for holder in (record, *record.get("links", ())):
                    for name in holder.keys() & {"traceId", "spanId", "parentSpanId"}:
                        holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()
    return plain
