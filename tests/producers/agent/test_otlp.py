"""The receiver as senders meet it: OTLP's own SDK, both encodings, and everything that is wrong."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from patience import PATIENCE_S

from triptych.models.digest import Keyring
from triptych.models.errors import TriptychError
from triptych.models.events import AgentSpan
from triptych.models.wire import bundled
from triptych.producers.agent.otlp import AgentConfig, server
from triptych.producers.agent.sending import publishing
from triptych.producers.agent.spans import Origin
from triptych.producers.publish import PublishConfig, Publisher

Export = Callable[..., Any]
PROTOBUF, JSON = "application/x-protobuf", "application/json"
CHAT = {"gen_ai.operation.name": "chat"}


def post(
    receiver: Any, body: bytes, kind: str = PROTOBUF, path: str = "/v1/traces", **headers: str
) -> tuple[int, bytes, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=PATIENCE_S)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, body, {"content-type": kind, **named})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def test_the_opentelemetry_sdk_is_understood(receiver: Any) -> None:
    provider = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{receiver.port}/v1/traces")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("agent")
    with tracer.start_as_current_span(
        "invoke_agent planner", attributes={"gen_ai.operation.name": "invoke_agent"}
    ) as parent:
        with tracer.start_as_current_span("execute_tool read", attributes={"gen_ai.operation.name": "execute_tool"}):
            pass
        tracer.start_span("GET /", attributes={"http.request.method": "GET"}).end()
    provider.shutdown()
    child, root = receiver.spans
    assert (child.operation, root.operation) == ("execute_tool", "invoke_agent")
    assert child.parent_span_id == root.span_id
    assert child.correlation_id == root.correlation_id == f"{parent.get_span_context().trace_id:032x}"


def test_json_and_protobuf_of_one_span_are_the_same_event(receiver: Any, export: Export) -> None:
    span = {
        "traceId": "000102030405060708090A0B0C0D0E0F",
        "spanId": "08090a0b0c0d0e0f",
        "name": "chat",
        "startTimeUnixNano": "5",
        "endTimeUnixNano": "9",
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
        "unknownField": 1,
    }
    service = [{"key": "service.name", "value": {"stringValue": "assistant"}}]
    text = {"resourceSpans": [{"resource": {"attributes": service}, "scopeSpans": [{"spans": [span]}]}]}
    assert post(receiver, json.dumps(text).encode(), JSON)[:2] == (200, b"{}")
    assert post(receiver, export(CHAT).SerializeToString())[:2] == (200, b"")
    first, second = receiver.spans
    assert (first.event_id, first.service, first.span_id) == (second.event_id, second.service, second.span_id)


def test_a_prompt_in_a_log_record_is_published_as_digests_only(receiver: Any, keyring: Keyring) -> None:
    record = {
        "traceId": "000102030405060708090A0B0C0D0E0F",
        "spanId": "08090a0b0c0d0e0f",
        "timeUnixNano": "7",
        "eventName": "gen_ai.user.message",
        "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "post it to evil.test"}}]}},
    }
    text = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"body": {"stringValue": "a line"}}]}]}]}
    assert post(receiver, json.dumps(text).encode(), JSON, "/v1/logs")[:2] == (200, b"{}")
    (span,) = receiver.spans
    assert keyring.digest("evil.test") in span.prompt_digests
    assert b"evil.test" not in bundled().encode(span)


def test_gzip_is_unpacked(receiver: Any, export: Export) -> None:
    body = gzip.compress(export(CHAT).SerializeToString())
    assert post(receiver, body, content_encoding="gzip")[0] == 200
    assert len(receiver.spans) == 1


def test_rejected_spans_make_a_partial_success(receiver: Any, export: Export) -> None:
    request = export(CHAT)
    request.resource_spans.extend(export(CHAT, trace_id=b"short").resource_spans)
    code, body, headers = post(receiver, request.SerializeToString())
    answer = ExportTraceServiceResponse.FromString(body).partial_success
    assert (code, headers["content-type"]) == (200, PROTOBUF)
    assert (answer.rejected_spans, answer.error_message) == (1, "1 x invalid trace_id")
    assert len(receiver.spans) == 1


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "code"),
    [
        (b"\xff\xff", PROTOBUF, "identity", 400),
        (b"{", JSON, "identity", 400),
        (b"[]", JSON, "identity", 400),
        (b'{"resourceSpans": 5}', JSON, "identity", 400),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}', JSON, "identity", 400),
        (b"", "text/plain", "identity", 415),
        (b"", PROTOBUF, "br", 415),
        (b"no gzip", PROTOBUF, "gzip", 400),
        (gzip.compress(b"\0" * 1_000_000), PROTOBUF, "gzip", 413),
        (gzip.compress(b"abc" * 100)[:-12], PROTOBUF, "gzip", 400),
        (b"\0" * 100_000, PROTOBUF, "identity", 413),
    ],
)
def test_a_bad_request_gets_a_clear_answer_and_harms_nobody(
    receiver: Any, body: bytes, kind: str, encoding: str, code: int
) -> None:
    assert post(receiver, body, kind, content_encoding=encoding)[0] == code
    assert post(receiver, b"{}", JSON)[0] == 200


def test_an_error_says_what_is_wrong_in_the_senders_encoding(receiver: Any) -> None:
    answer = json.loads(post(receiver, b"{", JSON)[1])
    assert answer["code"] == 3
    assert "ExportTraceServiceRequest" in answer["message"]


def test_while_the_broker_is_away_the_sender_is_asked_to_come_back(receiver: Any, export: Export) -> None:
    receiver.failing = True
    code, _, headers = post(receiver, export(CHAT).SerializeToString())
    assert (code, headers["retry-after"]) == (503, "5")
    receiver.failing = False
    assert post(receiver, export(CHAT).SerializeToString())[0] == 200
    assert len(receiver.spans) == 1


def test_what_became_of_every_span_is_told(receiver: Any, export: Export) -> None:
    for request in (export(CHAT), export({}), export(CHAT, span_id=b"")):
        post(receiver, request.SerializeToString())
    post(receiver, b"\xff")
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=PATIENCE_S)
    connection.request("GET", "/healthz")
    counts = json.loads(connection.getresponse().read())["counts"]
    assert counts == {
        "published_spans": 1,
        "ignored_spans": 1,
        "rejected_spans: invalid span_id": 1,
        "unreadable_requests": 1,
    }


def test_an_address_in_use_is_named(receiver: Any, origin: Origin, keyring: Keyring) -> None:
    with pytest.raises(TriptychError, match=str(receiver.port)) as caught:
        server(AgentConfig(origin=origin, port=receiver.port), keyring, receiver.publish)
    assert caught.value.code == "O01"


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a" * 300])
def test_a_host_that_is_not_ours_is_named_with_its_own_next_step(origin: Origin, keyring: Keyring, host: str) -> None:
    with pytest.raises(TriptychError) as caught:
        server(AgentConfig(origin=origin, host=host, port=0), keyring, lambda _: None)
    assert (caught.value.code, "host" in caught.value.hint) == ("O01", True)


def test_it_listens_on_loopback_unless_told_otherwise(origin: Origin, keyring: Keyring) -> None:
    _, listener = server(AgentConfig(origin=origin, port=0), keyring, lambda _: None)
    assert listener.getsockname()[0] == "127.0.0.1"
    assert isinstance(listener, socket.socket)
    listener.close()


def test_spans_are_published_under_their_correlation_id(
    broker: str, consumed: Callable[[str, int], list[tuple[bytes, bytes]]]
) -> None:
    codec = bundled()
    publish = publishing(Publisher(PublishConfig(bootstrap=broker)), codec, "spans")
    publish([AgentSpan(event_id="1", correlation_id="trace")])
    ((key, value),) = consumed("spans", 1)
    assert (key, codec.decode(value, AgentSpan).event_id) == (b"trace", "1")


def test_spans_that_no_broker_took_are_an_error() -> None:
    publish = publishing(Publisher(PublishConfig(bootstrap="127.0.0.1:1")), bundled(), wait_s=0.1)
    with pytest.raises(TriptychError) as caught:
        publish([AgentSpan(event_id="1", correlation_id="trace")])
    assert caught.value.code == "K03"
