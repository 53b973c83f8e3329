"""Spans as runtimes send them, and a receiver on a free port of the loopback interface."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from patience import PATIENCE_S, eventually

from triptych.models.digest import Keyring
from triptych.models.errors import TriptychError
from triptych.models.events import AgentSpan
from triptych.producers.agent.otlp import AgentConfig, server
from triptych.producers.agent.spans import Origin

TRACE, SPAN = bytes(range(16)), bytes(range(8, 16))


class Received:
    """Where a receiver publishes to in these tests; `failing` makes the broker unavailable."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.spans: list[AgentSpan] = []
        self.failing = False

    def publish(self, spans: Sequence[AgentSpan]) -> None:
        if self.failing:
            raise TriptychError("no broker", code="K03")
        self.spans += spans


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring(b"a key for tests, 32 bytes long..", "test")


@pytest.fixture(scope="session")
def origin() -> Origin:
    return Origin(producer="agent:test", boot_id="boot", host="node", cluster="c")


@pytest.fixture(scope="session")
def export() -> Callable[..., ExportTraceServiceRequest]:
    """An export of one span with these attributes."""

    def build(attributes: dict[str, Any], **more: Any) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value="assistant")))
        span = resource.scope_spans.add().spans.add(
            **{
                "trace_id": TRACE,
                "span_id": SPAN,
                "name": "chat",
                "start_time_unix_nano": 5,
                "end_time_unix_nano": 9,
                **more,
            }
        )
        for key, value in attributes.items():
            kind = "int_value" if isinstance(value, int) else "string_value"
            span.attributes.append(KeyValue(key=key, value=AnyValue(**{kind: value})))
        return request

    return build


@pytest.fixture
def receiver(keyring: Keyring, origin: Origin) -> Iterator[Received]:
    received = Received(0)
    running, listener = server(AgentConfig(origin=origin, port=0, max_bytes=65_536), keyring, received.publish)
    received.port = listener.getsockname()[1]
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    eventually(lambda: running.started)
    yield received
    running.should_exit = True
    thread.join(PATIENCE_S)
