"""A finding as OCSF Detection Finding (class 2004): one line of JSON, `time` first, under 60 KB, no clock.

Ids stand beside their captions; what OCSF has no place for stands in `unmapped.mcp`. Too long is shortened in a fixed
order, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from . import frameworks, grading, topics
from .events import Alert, RuleHit
from .frameworks import Risk
from .ocsf_evidence import evidences, observables
from .ocsf_terms import (
    ACTIVITY,
    CAP,
    DEFAULT,
    RISK_LEVEL,
    SEVERITY,
    TEXT,
    VERSIONS,
    Json,
    attack,
    check_version,
    confidence_level,
    ms,
    product,
    release,
    shortened,
)
from .text import clean

__all__ = ["CAP", "DEFAULT", "VERSIONS", "headers", "render"]


class _Limits(NamedTuple):
    """How much of a finding is told: evidences, related events, facts of each kind, rules, characters of a text."""

    evidences: int = 100
    events: int = 100
    facts: int = 24
    rules: int = 20
    text: int = TEXT


_SHORTER = (
    _Limits(),
    _Limits(evidences=20),
    _Limits(evidences=20, events=50),
    _Limits(10, 20, 12),
    _Limits(5, 10, 6, 10, 512),
    _Limits(1, 1, 1, 5, 128),
)
_MOST_LABELS = 24
_VERDICT = {"verdict:true": "True Positive", "verdict:false": "False Positive"}


def render(alert: Alert, *, tenant: str, version: str = DEFAULT, suppressed: str = "") -> bytes:
    """The finding in one line of UTF-8; `suppressed` says why it is held back. Raises ConfigError for an OCSF version
    that is not one of VERSIONS."""
    check_version(version)
    attempts = ((_document(alert, tenant, version, limits, suppressed), limits.text) for limits in _SHORTER)
    return shortened(attempts, version)


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
        "producer-version": release(),
    }
    return tuple((name, clean(value).encode()) for name, value in values.items() if value)


def _document(alert: Alert, tenant: str, version: str, limits: _Limits, suppressed: str) -> Json:
    activity_id, activity = ACTIVITY[alert.activity]
    evidence = evidences(alert, limits.evidences, version)
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
        **_grades(alert, limits),
        **_status(alert, suppressed),
        "message": alert.message,
        "start_time": ms(alert.started_ns),
        "end_time": ms(alert.ended_ns),
        "duration": ms(alert.ended_ns) - ms(alert.started_ns),
        "count": len(alert.timeline),
        "timezone_offset": 0,
        "metadata": _metadata(alert, tenant, version, topics.ALERTS_SUPPRESSED if suppressed else topics.ALERTS_OCSF),
        "finding_info": _finding_info(alert, limits),
        "evidences": evidence,
        "observables": observables(alert, evidence, version),
        "resources": [{"uid": alert.workload or "unknown", "name": alert.server.id or "unknown", "type": "MCP server"}],
        "unmapped": {"mcp": _unmapped(alert, limits.facts)},
    }


def _grades(alert: Alert, limits: _Limits) -> Json:
    severity_id, severity = SEVERITY[alert.severity]
    risk_level_id, risk_level = RISK_LEVEL[grading.band(alert.risk)]
    confidence_id, confidence = confidence_level(alert.confidence)
    return {
        "severity_id": severity_id,
        "severity": severity,
        "risk_score": round(alert.risk),
        "risk_level_id": risk_level_id,
        "risk_level": risk_level,
        "risk_details": _risk_details(alert, limits.rules),
        "confidence_id": confidence_id,
        "confidence": confidence,
        "confidence_score": alert.confidence,
    }


def _status(alert: Alert, suppressed: str) -> Json:
    """Only what is new, or grew, is an alert."""
    verdict = next((said for label, said in _VERDICT.items() if label in alert.labels), "")
    if suppressed:
        return {"status_id": 3, "status": "Suppressed", "status_detail": suppressed, "is_alert": False}
    if verdict:
        return {"status_id": 4, "status": "Resolved", "status_detail": f"verdict: {verdict}", "is_alert": False}
    if alert.activity == "close":
        return {"status_id": 99, "status": "Closed, nothing new expected", "is_alert": False}
    return {"status_id": 1, "status": "New", "is_alert": True}


def _risk_details(alert: Alert, most: int) -> str:
    parts = [f"rule {hit.id} v{hit.version}: {hit.severity}" for hit in alert.rules[:most]]
    if alert.score is not None:
        score = alert.score
        basis = f"p {score.p:.2g} over {score.calibration_size} turns, baseline {score.state}"
        parts.append(f"score: risk {score.risk:.0f} ({basis})")
    return "; ".join(parts) or "no rule and no score"


def _metadata(alert: Alert, tenant: str, version: str, log_name: str) -> Json:
    watched = ("protocol", "execution", "agent")
    layers = [f"layer:{layer}" for layer in watched if getattr(alert.coverage, layer)]
    metadata: Json = {
        "version": version,
        "uid": alert.event_id,
        "sequence": alert.sequence,
        "log_name": log_name,
        "log_provider": "triptych",
        "tenant_uid": tenant,
        "labels": [*alert.labels[:_MOST_LABELS], *layers],
        "product": product(),
    }
    if alert.correlation_id:
        metadata["correlation_uid"] = alert.correlation_id
    if alert.rules:
        metadata["event_code"] = alert.rules[0].id
    return metadata


def _finding_info(alert: Alert, limits: _Limits) -> Json:
    rules = alert.rules[: limits.rules]
    cited = dict.fromkeys(identifier for hit in rules for identifier in hit.attacks)
    techniques = [found for identifier in cited if (found := frameworks.technique(identifier))]
    analytics = [*map(_rule, rules), *([_forest(alert)] if alert.score else [])]
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
        "related_events": _related_events(alert, limits.events),
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
