"""A call as an OpenTelemetry span: of the server's side, its effects as span events. Pure and deterministic.

A call that was amended is exported again under the same ids with a higher `triptych.call.revision`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from ...models.events import Call, Effect
from ...models.text import inert
from ...models.turn import EARLY
from . import names
from .values import Value, attributes, span_id, trace_id

__all__ = ["SCOPE", "request", "resource", "worth_telling"]

SCOPE = InstrumentationScope(name="triptych")
_MOST_EVENTS = 128
_NAME = 128


def worth_telling(call: Call) -> bool:
    """Not what has no request, and not what was told early: the whole of it follows."""
    return call.state != "background" and EARLY not in call.coverage.notes


def request(calls: Iterable[Call]) -> ExportTraceServiceRequest:
    """Calls as one export, those of a server on a host together."""
    ordered = sorted(calls, key=_home)
    exported = [_of_home(list(ours)) for _, ours in groupby(ordered, key=_home)]
    return ExportTraceServiceRequest(resource_spans=exported)


def resource(server: str, host: str, cluster: str, **more: Value) -> Resource:
    """What a server is to OpenTelemetry: a service on a host."""
    told: dict[str, Value] = {
        names.SERVICE_NAME: server or "unknown",
        names.SERVICE_NAMESPACE: cluster,
        names.HOST_NAME: host,
        **more,
    }
    return Resource(attributes=attributes(told))


def _home(call: Call) -> tuple[str, str, str, str]:
    return call.server.id, call.host, call.cluster, call.workload


def _of_home(calls: list[Call]) -> ResourceSpans:
    first = calls[0]
    where = first.placement
    pod = {names.POD_NAME: where.pod, names.POD_NAMESPACE: where.namespace} if where else {}
    about = resource(first.server.id, first.host, first.cluster, **{"triptych.workload": first.workload, **pod})
    spans = ScopeSpans(scope=SCOPE, spans=[_span(call) for call in calls])
    return ResourceSpans(resource=about, scope_spans=[spans])


def _span(call: Call) -> Span:
    failed = bool(call.is_error) or call.state == "timeout" or call.action == "blocked"
    shown = call.effects[:_MOST_EVENTS]
    return Span(
        trace_id=trace_id(call.correlation_id, call.call_id),
        span_id=span_id(call.call_id),
        parent_span_id=_parent(call),
        name=inert(" ".join(filter(None, (call.method, call.tool))), _NAME) or "call",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=max(0, call.started_ns),
        end_time_unix_nano=max(0, call.started_ns, call.ended_ns),
        attributes=attributes(_told(call)),
        events=[_event(effect) for effect in shown],
        dropped_events_count=len(call.effects) - len(shown) + max(0, call.effects_dropped),
        status=Status(code=Status.STATUS_CODE_ERROR) if failed else Status(),
    )


def _parent(call: Call) -> bytes:
    try:
        found = bytes.fromhex(call.parent_span_id or "")
    except ValueError:
        return b""
    return found if len(found) == 8 and any(found) else b""


def _told(call: Call) -> dict[str, Value]:
    """The GenAI and MCP conventions first, then what a defender asks; no argument has a value here."""
    return {
        names.MCP_METHOD: call.method,
        names.OPERATION: names.EXECUTE_TOOL if call.tool else None,
        names.TOOL_NAME: call.tool,
        names.CONVERSATION_ID: call.conversation,
        names.ERROR_TYPE: _error(call),
        names.RPC_STATUS: None if call.error_code is None else str(call.error_code),
        names.USER_ID: call.principal.id,
        "triptych.call.id": call.call_id,
        "triptych.call.revision": call.revision,
        "triptych.call.state": call.state,
        "triptych.action": call.action,
        "triptych.policy": call.policy,
        "triptych.anomalies": call.anomalies,
        "triptych.binding": call.binding,
        "triptych.unobserved": call.unobserved,
        "triptych.coverage": tuple(_watched(call)),
        "triptych.lost_events": call.coverage.lost_events,
    }


def _error(call: Call) -> str | None:
    if call.action == "blocked":
        return "blocked"
    if call.state == "timeout":
        return "timeout"
    return "tool_error" if call.is_error else None


def _watched(call: Call) -> Iterator[str]:
    yield from (layer for layer in ("protocol", "execution", "agent") if getattr(call.coverage, layer))


def _event(effect: Effect) -> Span.Event:
    told: dict[str, Value] = {
        names.PROCESS_PID: effect.pid,
        "process.executable.name": effect.comm,
        names.PROCESS_PATH if effect.kind == "exec" else names.FILE_PATH: effect.path,
        names.NETWORK_ADDRESS: effect.address,
        names.NETWORK_PORT: effect.port,
        names.NETWORK_TRANSPORT: effect.protocol,
        "triptych.binding": effect.binding,
        "triptych.declared": effect.declared,
        "triptych.sensitivity": effect.sensitivity,
        "triptych.destination": effect.destination,
        "triptych.bytes_out": effect.bytes_out or None,
        "triptych.bytes_in": effect.bytes_in or None,
    }
    name = f"execution.{effect.kind}"
    return Span.Event(time_unix_nano=max(0, effect.wall_ns), name=name, attributes=attributes(told))
