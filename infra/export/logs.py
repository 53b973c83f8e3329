"""A finding as an OpenTelemetry log record: an event beside the span of the call it points at. Pure, deterministic."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber

from ...models.events import Alert, RuleHit, Severity
from ...models.text import inert
from . import names
from .spans import SCOPE, resource
from .values import Value, attributes, span_id, trace_id

__all__ = ["request"]

_SEVERITY: dict[Severity, SeverityNumber.ValueType] = {
    "unknown": SeverityNumber.SEVERITY_NUMBER_UNSPECIFIED,
    "informational": SeverityNumber.SEVERITY_NUMBER_INFO,
    "low": SeverityNumber.SEVERITY_NUMBER_INFO3,
    "medium": SeverityNumber.SEVERITY_NUMBER_WARN,
    "high": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "critical": SeverityNumber.SEVERITY_NUMBER_FATAL,
}
_BODY = 600
_MOST = 24


def request(alerts: Iterable[Alert]) -> ExportLogsServiceRequest:
    """Findings as one export, those of a server on a host together."""
    ordered = sorted(alerts, key=_home)
    exported = [_of_home(list(ours)) for _, ours in groupby(ordered, key=_home)]
    return ExportLogsServiceRequest(resource_logs=exported)


def _home(alert: Alert) -> tuple[str, str, str]:
    return alert.server.id, alert.host, alert.cluster


def _of_home(alerts: list[Alert]) -> ResourceLogs:
    records = ScopeLogs(scope=SCOPE, log_records=[_record(alert) for alert in alerts])
    return ResourceLogs(resource=resource(*_home(alerts[0])), scope_logs=[records])


def _record(alert: Alert) -> LogRecord:
    return LogRecord(
        time_unix_nano=max(0, alert.wall_ns),
        observed_time_unix_nano=max(0, alert.wall_ns),
        severity_number=_SEVERITY[alert.severity],
        severity_text=alert.severity,
        event_name=names.EVENT_NAME,
        body=AnyValue(string_value=inert(f"{alert.title}: {alert.message}", _BODY)),
        attributes=attributes(_told(alert)),
        trace_id=trace_id(alert.correlation_id, alert.call_id or alert.finding_uid),
        span_id=span_id(alert.call_id or alert.finding_uid),
    )


def _told(alert: Alert) -> dict[str, Value]:
    first = alert.rules[0] if alert.rules else RuleHit()
    return {
        "triptych.finding.uid": alert.finding_uid,
        "triptych.finding.revision": alert.sequence,
        "triptych.finding.activity": alert.activity,
        "triptych.risk": float(alert.risk),
        "triptych.confidence": alert.confidence,
        "triptych.labels": alert.labels[:_MOST],
        "triptych.reasons": tuple(reason.fact for reason in alert.reasons[:_MOST]),
        "triptych.call.ids": alert.call_ids[:_MOST],
        "triptych.binding": alert.binding,
        names.RULE_UUID: first.id,
        names.RULE_NAME: first.title,
        names.RULE_VERSION: str(first.version) if first.id else None,
        "triptych.rules": tuple(hit.id for hit in alert.rules[:_MOST]),
        names.THREAT_TECHNIQUES: tuple(dict.fromkeys(one for hit in alert.rules for one in hit.attacks))[:_MOST],
        names.TOOL_NAME: alert.tool,
        names.AGENT_NAME: alert.agent,
        names.CONVERSATION_ID: alert.conversation,
        names.USER_ID: alert.principal.id,
    }
