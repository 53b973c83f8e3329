from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from confluent_kafka import Producer
from event_strategies import events_of
from hypothesis import given, settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from patience import PATIENCE_S, eventually

from triptych.infra import brokers
from triptych.infra.export import logs, spans
from triptych.infra.export.otlp import ExportConfig, Exporter, _rejected_spans
from triptych.infra.export.sending import Collector, ExportError, Sender, headers_of
from triptych.infra.settings import Kafka
from triptych.models import finding, testing, topics, wire
from triptych.models.detections.engine import Rulebook
from triptych.models.digest import Keyring
from triptych.models.errors import ConfigError
from triptych.models.events import AgentSpan, Alert, Call, Coverage
from triptych.models.turn import EARLY
from triptych.producers.agent.spans import Mapper, Origin

CODEC = wire.bundled()
OUT = "203.0.113.7:443"


def theft(number: int = 0) -> Call:
    effects = (testing.read("/home/ann/.aws/credentials", 0.2), testing.send(OUT, 1200, 0.4))
    return testing.call("read_config", *effects, at_s=number, parent_span_id="00f067aa0ba902b7")


def found() -> Alert:
    turn = testing.turn(theft())
    return finding.assemble(turn, Rulebook.load().evaluate(turn, {}).hits, None, {}, tenant="acme")


def told(pairs: Any) -> dict[str, Any]:
    """Attributes as plain values; lists as tuples."""
    plain = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        value = getattr(pair.value, kind)
        plain[pair.key] = tuple(one.string_value for one in value.values) if kind == "array_value" else value
    return plain


def only_span(call: Call) -> Any:
    ((resource,),) = (spans.request([call]).resource_spans,)
    return resource.scope_spans[0].spans[0]


@dataclass
class Receiver:
    """A collector: answers as it is told to, first in `answers` first, then 200; keeps what it took."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    refuses: Callable[[Any], bool] = lambda _: False
    spans: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        status, headers, answer = self.answers.pop(0) if self.answers else (200, {}, b"")
        traces = path == "/v1/traces"
        request: Any = (ExportTraceServiceRequest if traces else ExportLogsServiceRequest).FromString(body)
        groups = request.resource_spans if traces else request.resource_logs
        held = [
            one
            for group in groups
            for one in (group.scope_spans[0].spans if traces else group.scope_logs[0].log_records)
        ]
        if status == 200 and any(map(self.refuses, held)):
            return 400, {}, b""
        if status == 200:
            (self.spans if traces else self.logs).extend(held)
        return status, headers, answer


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    ours = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ours.headers.append({name.lower(): value for name, value in self.headers.items()})
            body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
            status, headers, answer = ours.take(self.path, body)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ours.url = f"http://127.0.0.1:{server.server_port}"
        yield ours
        server.shutdown()


@pytest.fixture(scope="module")
def broker() -> Iterator[dict[str, str]]:
    with brokers.start(Kafka()) as started:
        yield started.client()


def publish(broker: dict[str, str], *events: Call | Alert | bytes) -> None:
    producer = Producer(broker)
    for event in events:
        topic = topics.ALERTS if isinstance(event, Alert) else topics.CALLS
        producer.produce(topic, event if isinstance(event, bytes) else CODEC.encode(event), "one")
    assert producer.flush(PATIENCE_S) == 0


def config_for(receiver: Receiver, group: str) -> ExportConfig:
    collector = Collector(endpoint=receiver.url, headers={"authorization": "canary"})
    return ExportConfig(collector=collector, group=group, from_beginning=True)


def export(broker: dict[str, str], receiver: Receiver, group: str, enough: Callable[[], bool]) -> Exporter:
    """Runs an exporter in a thread until there is enough, then stops it."""
    stop = threading.Event()
    exporter = Exporter(broker, config_for(receiver, group), stop)
    thread = threading.Thread(target=exporter.run)
    thread.start()
    eventually(lambda: enough() or not thread.is_alive())
    stop.set()
    thread.join(PATIENCE_S)
    return exporter


def test_a_call_is_a_span_under_the_names_of_the_conventions() -> None:
    span = only_span(theft())
    attributes = told(span.attributes)
    assert span.trace_id.hex() == theft().correlation_id
    assert span.parent_span_id.hex() == "00f067aa0ba902b7"
    assert span.name == "tools/call read_config"
    assert attributes["mcp.method.name"] == "tools/call"
    assert attributes["gen_ai.operation.name"] == "execute_tool"
    assert attributes["gen_ai.tool.name"] == "read_config"
    assert [event.name for event in span.events] == ["execution.open", "execution.flow"]
    assert told(span.events[0].attributes)["triptych.sensitivity"] == "secret.cloud"


def test_a_finding_is_a_log_beside_the_span_of_its_call() -> None:
    record = logs.request([found()]).resource_logs[0].scope_logs[0].log_records[0]
    span, attributes = only_span(theft()), told(record.attributes)
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert (record.event_name, record.severity_text) == ("triptych.finding", "critical")
    assert attributes["security_rule.uuid"] == "chain.credential-read-then-egress"
    assert "AML.T0098" in attributes["threat.technique.id"]


def test_ids_are_the_same_every_time_and_never_empty() -> None:
    lost = replace(theft(), correlation_id="")
    assert spans.request([lost]).SerializeToString() == spans.request([lost]).SerializeToString()
    assert len(only_span(lost).trace_id) == 16
    assert only_span(theft(1)).span_id != only_span(theft(2)).span_id


@settings(max_examples=50)
@given(call=events_of(Call), alert=events_of(Alert))
def test_any_call_and_any_finding_can_be_exported(call: Call, alert: Alert) -> None:
    assert ExportTraceServiceRequest.FromString(spans.request([call]).SerializeToString()).resource_spans
    assert ExportLogsServiceRequest.FromString(logs.request([alert]).SerializeToString()).resource_logs


def test_our_own_receiver_reads_what_is_exported() -> None:
    keyring = Keyring(b"k" * 32, "k1")
    outcome = Mapper(Origin(producer="p", boot_id="b", host="h"), keyring).map(spans.request([theft()]).resource_spans)
    (span,) = outcome.spans
    assert isinstance(span, AgentSpan)
    assert (span.trace_id, span.tool, span.operation) == (theft().correlation_id, "read_config", "execute_tool")


def test_what_the_watched_side_writes_is_exported_as_words() -> None:
    hostile = testing.call("\x1b[2Jrm\n", testing.read("/srv/\x1b]0;x\x07"))
    span = only_span(hostile)
    assert span.name == r"tools/call \x1b[2Jrm\x0a"
    assert told(span.events[0].attributes)["file.path"] == r"/srv/\x1b]0;x\x07"


def test_a_broker_s_calls_and_findings_reach_the_collector_once(broker: dict[str, str], receiver: Receiver) -> None:
    early = replace(theft(1), coverage=Coverage(protocol=True, notes=(EARLY,)))
    publish(broker, theft(), theft(2), early, testing.background(at_s=9), b"rubbish", found())
    first = export(broker, receiver, "first", lambda: len(receiver.logs) == 1 and len(receiver.spans) == 2)
    assert first.counts == {"unreadable": 1, "not told": 2, "spans taken": 2, "logs taken": 1}
    assert receiver.headers[0]["authorization"] == "canary"


@pytest.mark.broker
def test_the_next_run_of_a_group_goes_on_where_the_last_ended(kafka: str, receiver: Receiver) -> None:
    client, group = {"bootstrap.servers": kafka}, "goes-on"

    def seen(number: int) -> int:
        return [span.span_id for span in receiver.spans].count(only_span(theft(number)).span_id)

    for number in (1001, 1002):
        publish(client, theft(number))
        export(client, receiver, group, lambda number=number: seen(number) > 0)  # type: ignore[misc]
    assert (seen(1001), seen(1002)) == (1, 1)


@pytest.mark.broker
def test_what_was_not_taken_before_a_crash_is_sent_again_under_the_same_id(kafka: str, receiver: Receiver) -> None:
    client, group = {"bootstrap.servers": kafka}, "crashed"
    publish(client, theft(2001))
    receiver.answers = [(401, {}, b"")]
    exporter = Exporter(client, config_for(receiver, group), threading.Event())
    with pytest.raises(ExportError):
        exporter.run()
    export(client, receiver, group, lambda: bool(receiver.spans))
    assert only_span(theft(2001)).span_id in {span.span_id for span in receiver.spans}


def test_a_collector_that_is_away_is_tried_again_until_it_takes_all(
    broker: dict[str, str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.infra.export.sending._FIRST_S", 0.01)
    receiver.answers = [(503, {"retry-after": "0"}, b""), (429, {}, b""), (502, {}, b"")]
    publish(broker, theft(10))
    exporter = export(broker, receiver, "patient", lambda: len(receiver.logs) >= 1)
    assert exporter.counts["spans tried again"] == 3
    assert only_span(theft(10)).span_id in {span.span_id for span in receiver.spans}


def sender_of(receiver: Receiver, wait: Callable[[float], bool] = lambda _: True) -> Sender[Call]:
    return Sender(Collector(endpoint=receiver.url), "/v1/traces", spans.request, _rejected_spans, wait)


def test_one_record_that_a_collector_refuses_costs_no_other(receiver: Receiver) -> None:
    poison = only_span(theft(5)).span_id
    receiver.refuses = lambda span: span.span_id == poison
    sender = sender_of(receiver)
    assert sender.send([theft(number) for number in range(9)])
    assert sender.counts == {"taken": 8, "refused: 400": 1}
    assert len(receiver.spans) == 8


def test_a_partial_success_is_counted(receiver: Receiver) -> None:
    answer = ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=2))
    receiver.answers = [(200, {}, answer.SerializeToString())]
    sender = sender_of(receiver)
    assert sender.send([theft(number) for number in range(5)])
    assert sender.counts == {"taken": 3, "refused: partial success": 2}


@pytest.mark.parametrize("status", [401, 403, 404, 301])
def test_a_collector_that_does_not_want_us_ends_the_export(receiver: Receiver, status: int) -> None:
    receiver.answers = [(status, {}, b"")]
    with pytest.raises(ExportError, match=f"answers {status}") as caught:
        sender_of(receiver).send([theft()])
    assert caught.value.code == "X11"


def test_waiting_ends_when_told_to(receiver: Receiver) -> None:
    receiver.answers = [(503, {}, b"")] * 9
    assert not sender_of(receiver, lambda _: False).send([theft()])


def test_pauses_grow_and_follow_what_the_collector_asks(receiver: Receiver) -> None:
    receiver.answers = [(503, {}, b"")] * 4 + [(503, {"retry-after": "20"}, b"")]
    pauses: list[float] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return True

    sender_of(receiver, wait).send([theft()])
    bounds = [0.5, 1, 2, 4]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=False))
    assert pauses[4] == 20


def test_headers_are_read_and_a_wrong_one_is_not_repeated() -> None:
    assert headers_of("Authorization=Bearer%20x, a=b=c") == {"authorization": "Bearer x", "a": "b=c"}
    with pytest.raises(ConfigError) as caught:
        headers_of("secret")
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError):
        headers_of("a=%0d%0ax:y")


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://a", ""])
def test_an_address_that_is_none_is_refused_at_once(endpoint: str) -> None:
    with pytest.raises(ConfigError):
        Collector(endpoint=endpoint)


@pytest.mark.parametrize("wrong", [{"signals": ()}, {"signals": ("metrics",)}, {"batch": 0}])
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ExportConfig(collector=Collector(endpoint="http://127.0.0.1:1"), **wrong)
