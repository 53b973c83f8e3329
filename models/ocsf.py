"""A finding as OCSF Detection Finding (class 2004): one line of JSON, `time` first, under 60 KB, no clock.

Ids stand beside their captions; what OCSF has no place for stands in `unmapped.mcp`. Too long is shortened in a fixed
order, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version as installed

import orjson

from . import frameworks, grading, topics
from .errors import ConfigError
from .events import Alert, RuleHit
from .frameworks import Risk
from .ocsf_evidence import evidences, observables
from .ocsf_terms import ACTIVITY, RISK_LEVEL, SEVERITY, Json, attack, confidence_level, harmless, ms, product
from .text import clean

__all__ = ["CAP", "DEFAULT", "VERSIONS", "headers", "render"]

VERSIONS = ("1.8.0", "1.9.0")
DEFAULT = "1.8.0"
CAP = 60_000  # Wazuh drops what is longer than 65,535 bytes

_SHORTER = (
    (100, 100, 24),
    (20, 100, 24),
    (20, 50, 24),
    (10, 20, 12),
    (5, 10, 6),
    (1, 1, 1),
)  # evidences, events, facts
_MOST_RULES = 20


def render(alert: Alert, *, tenant: str, version: str = DEFAULT) -> bytes:
    """The finding in one line of UTF-8. Raises ConfigError for an OCSF version that is not one of VERSIONS."""
    if version not in VERSIONS:
        allowed = ", ".join(VERSIONS)
        raise ConfigError(f"OCSF {version} cannot be written", f"set findings.ocsf_version to one of {allowed}")
    whole = 0
    for limits in _SHORTER:
        document = _document(alert, tenant, version, limits)
        if whole:
            document["metadata"] |= {"is_truncated": True, "untruncated_size": whole}
        line = orjson.dumps(harmless(document))
        if len(line) < CAP:
            break
        whole = whole or len(line)
    return line


def headers(alert: Alert, *, tenant: str = "", version: str = DEFAULT) -> tuple[tuple[str, bytes], ...]:
    """Record headers by which a consumer can route without parsing."""
    values = {
        "content-type": "application/json",
        "ocsf-version": version,
        "ocsf-class-uid": "2004",
        "severity-id": str(SEVERITY[alert.severity][0]),
        "risk-score": str(round(alert.risk)),
        "rule-uid": alert.rules[0].id if alert.rules else "",
        "tenant": tenant,
        "correlation-id": alert.correlation_id,
        "producer-version": installed("triptych"),
    }
    return tuple((name, clean(value).encode()) for name, value in values.items() if value)


def _document(alert: Alert, tenant: str, version: str, limits: tuple[int, int, int]) -> Json:
    most_evidences, most_events, most_facts = limits
    activity_id, activity = ACTIVITY[alert.activity]
    evidence = evidences(alert, most_evidences, ai_agent=version >= "1.9.0")
    return {
        "time": ms(alert.wall_ns),
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": 200400 + activity_id,
        "type_name": f"Detection Finding: {activity}",
        **_grades(alert),
        "message": alert.message,
        "start_time": ms(alert.started_ns),
        "end_time": ms(alert.ended_ns),
        "duration": ms(alert.ended_ns) - ms(alert.started_ns),
        "count": len(alert.timeline),
        "timezone_offset": 0,
        "metadata": _metadata(alert, tenant, version),
        "finding_info": _finding_info(alert, most_events),
        "evidences": evidence,
        "observables": observables(alert, evidence),
        "resources": [{"uid": alert.workload or "unknown", "name": alert.server.id or "unknown", "type": "MCP server"}],
        "unmapped": {"mcp": _unmapped(alert, most_facts)},
    }


def _grades(alert: Alert) -> Json:
    severity_id, severity = SEVERITY[alert.severity]
    risk_level_id, risk_level = RISK_LEVEL[grading.band(alert.risk)]
    confidence_id, confidence = confidence_level(alert.confidence)
    closed = alert.activity == "close"
    return {
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 99 if closed else 1,
        "status": "Closed, nothing new expected" if closed else "New",
        "is_alert": not closed,
        "risk_score": round(alert.risk),
        "risk_level_id": risk_level_id,
        "risk_level": risk_level,
        "risk_details": _risk_details(alert),
        "confidence_id": confidence_id,
        "confidence": confidence,
        "confidence_score": alert.confidence,
    }


def _risk_details(alert: Alert) -> str:
    parts = [f"rule {hit.id} v{hit.version}: {hit.severity}" for hit in alert.rules[:_MOST_RULES]]
    if alert.score is not None:
        score = alert.score
        basis = f"p {score.p:.2g} over {score.calibration_size} turns, baseline {score.state}"
        parts.append(f"score: risk {score.risk:.0f} ({basis})")
    return "; ".join(parts) or "no rule and no score"


def _metadata(alert: Alert, tenant: str, version: str) -> Json:
    watched = ("protocol", "execution", "agent")
    layers = [f"layer:{layer}" for layer in watched if getattr(alert.coverage, layer)]
    metadata: Json = {
        "version": version,
        "uid": alert.event_id,
        "sequence": alert.sequence,
        "log_name": topics.ALERTS_OCSF,
        "log_provider": "triptych",
        "tenant_uid": tenant,
        "labels": [*alert.labels, *layers],
        "product": product(),
    }
    if alert.correlation_id:
        metadata["correlation_uid"] = alert.correlation_id
    if alert.rules:
        metadata["event_code"] = alert.rules[0].id
    return metadata


def _finding_info(alert: Alert, most_events: int) -> Json:
    cited = dict.fromkeys(identifier for hit in alert.rules[:_MOST_RULES] for identifier in hit.attacks)
    techniques = [found for identifier in cited if (found := frameworks.technique(identifier))]
    analytics = [*map(_rule, alert.rules[:_MOST_RULES]), *([_forest(alert)] if alert.score else [])]
    watched = ("protocol", "execution", "agent")
    info: Json = {
        "uid": alert.finding_uid,
        "title": alert.title,
        "desc": alert.message,
        "types": sorted({name for technique in techniques for _, name in technique.tactics}),
        "modified_time": ms(alert.wall_ns),
        "first_seen_time": ms(alert.started_ns),
        "last_seen_time": ms(alert.ended_ns),
        "data_sources": [f"mcp.{layer}" for layer in watched if getattr(alert.coverage, layer)],
        "attacks": [attack(technique) for technique in techniques],
        "tags": _tags(alert),
        "related_events_count": len(alert.timeline),
        "related_events": _related_events(alert, most_events),
    }
    if analytics:
        info["analytic"] = analytics[0]
        info["related_analytics"] = analytics[1:]
    return {key: value for key, value in info.items() if value != []}


def _rule(hit: RuleHit) -> Json:
    return {"uid": hit.id, "name": hit.title, "version": str(hit.version), "type_id": 1, "type": "Rule"}


def _forest(alert: Alert) -> Json:
    model = alert.score.model_id if alert.score else ""
    analytic = {"name": "Isolation forest", "algorithm": "IsolationForest", "type_id": 4, "type": "Learning (ML/DL)"}
    return {**analytic, "uid": model or "none", "version": model or "none"}


def _tags(alert: Alert) -> list[Json]:
    """OWASP entries, for which OCSF has no place of their own, each framework with its version."""
    cited = dict.fromkeys(tag for hit in alert.rules for tag in hit.tags)
    by_framework: dict[tuple[str, str], list[str]] = {}
    for entry in _known(cited):
        by_framework.setdefault((entry.framework, entry.version), []).append(f"{entry.id} {entry.name}")
    tags: list[Json] = []
    for (framework, version), values in by_framework.items():
        tags += ({"name": framework, "values": values}, {"name": f"{framework}_version", "value": version})
    return tags


def _known(tags: Iterable[str]) -> list[Risk]:
    return [entry for tag in tags if (entry := frameworks.risk(tag))]


def _related_events(alert: Alert, most: int) -> list[Json]:
    """The timeline, in event time; what rules point at stays longest."""
    kept = sorted(range(len(alert.timeline)), key=lambda index: not alert.timeline[index].notable)[:most]
    return [
        {"uid": entry.source or entry.call_id or "unknown", "type": entry.layer, "title": entry.title,
         "created_time": ms(entry.wall_ns)}
        for entry in (alert.timeline[index] for index in sorted(kept))
    ]  # fmt: skip


def _unmapped(alert: Alert, most: int) -> Json:
    """MCP facts without a place in OCSF, under OpenTelemetry's names where it has one."""
    coverage, score = alert.coverage, alert.score
    return {
        "gen_ai.tool.name": alert.tool,
        "gen_ai.conversation.id": alert.conversation,
        "server": {"id": alert.server.id, "claimed_name": alert.server.claimed_name},
        "principal": {"kind": alert.principal.kind, "id": alert.principal.id},
        "call_ids": list(alert.call_ids[:most]),
        "binding": alert.binding,
        "coverage": {"protocol": coverage.protocol, "execution": coverage.execution, "agent": coverage.agent,
                     "lost_events": coverage.lost_events, "notes": list(coverage.notes[:most])},
        "reasons": [{"fact": reason.fact, "layer": reason.layer, "weight": reason.weight}
                    for reason in alert.reasons[:most]],
        "unobserved": list(alert.unobserved[:most]),
        "score": score and {"risk": score.risk, "p": score.p, "calibration_size": score.calibration_size,
                            "state": score.state, "model_id": score.model_id},
    }  # fmt: skip
