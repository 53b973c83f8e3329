"""An incident as OCSF Incident Finding (class 2005): one line of JSON, `time` first, under 60 KB, no clock.

The single timeline over servers, pods and clusters has no place in OCSF and stands in `unmapped.mcp.timeline`. The
class demands an assignee, and nobody is assigned yet: the group says so.
"""

from __future__ import annotations

from .. import frameworks, ocsf, topics
from ..ocsf_terms import (
    ACTIVITY,
    SEVERITY,
    TEXT,
    Json,
    attack,
    check_version,
    confidence_level,
    ms,
    product,
    release,
    shortened,
)
from ..text import clean
from .incident import Incident, Line
from .member import Member

__all__ = ["headers", "render"]

_SHORTER = (
    (100, 200, TEXT),
    (50, 100, TEXT),
    (25, 50, TEXT),
    (10, 20, TEXT),
    (5, 10, 512),
    (1, 5, 64),
)  # findings, lines of the timeline, characters of a text
_PRIORITY = {"critical": (4, "Critical"), "high": (3, "High"), "medium": (2, "Medium")}
_MOST_CITED = 40


def render(incident: Incident, *, tenant: str, version: str = ocsf.DEFAULT) -> bytes:
    """The incident in one line of UTF-8. Raises ConfigError for an OCSF version that is not one of ocsf.VERSIONS."""
    check_version(version)
    attempts = (
        (_document(incident, tenant, version, most_findings, most_lines), cap)
        for most_findings, most_lines, cap in _SHORTER
    )
    return shortened(attempts, version)


def headers(incident: Incident, *, tenant: str = "", version: str = ocsf.DEFAULT) -> tuple[tuple[str, bytes], ...]:
    """Record headers by which a consumer can route without parsing."""
    values = {
        "content-type": "application/json",
        "ocsf-version": version,
        "ocsf-class-uid": "2005",
        "severity-id": str(SEVERITY[incident.severity][0]),
        "risk-score": str(round(incident.risk)),
        "tenant": tenant,
        "producer-version": release(),
    }
    return tuple((name, clean(value).encode()) for name, value in values.items() if value)


def _document(incident: Incident, tenant: str, version: str, most_findings: int, most_lines: int) -> Json:
    activity_id, activity = ACTIVITY[incident.activity]
    techniques = [found for cited in _cited(incident) if (found := frameworks.technique(cited))]
    document = {
        "time": ms(incident.ended_ns),
        "class_uid": 2005,
        "class_name": "Incident Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": 200500 + activity_id,
        "type_name": f"Incident Finding: {activity}",
        **_grades(incident),
        "message": incident.title,
        "desc": incident.summary,
        "start_time": ms(incident.started_ns),
        "end_time": ms(incident.ended_ns),
        "duration": ms(incident.ended_ns) - ms(incident.started_ns),
        "count": len(incident.members),
        "timezone_offset": 0,
        "assignee_group": {"name": "unassigned"},
        "metadata": _metadata(incident, tenant, version),
        "attacks": [attack(technique) for technique in techniques],
        "finding_info_list": [_finding(member) for member in _worst(incident, most_findings)],
        "unmapped": {"mcp": _unmapped(incident, most_lines)},
    }
    return {key: value for key, value in document.items() if value != []}


def _cited(incident: Incident) -> list[str]:
    return list(dict.fromkeys(cited for member in incident.members for cited in member.cited))[:_MOST_CITED]


def _grades(incident: Incident) -> Json:
    severity_id, severity = SEVERITY[incident.severity]
    confidence_id, confidence = confidence_level(incident.confidence)
    priority_id, priority = _PRIORITY.get(incident.severity, (1, "Low"))
    closed = incident.activity == "close"
    told = {"status_detail": incident.summary} if incident.into else {}
    return {
        "severity_id": severity_id,
        "severity": severity,
        "priority_id": priority_id,
        "priority": priority,
        "status_id": 5 if closed else 1,
        "status": "Closed" if closed else "New",
        **told,
        "is_suspected_breach": incident.severity == "critical",
        "confidence_id": confidence_id,
        "confidence": confidence,
        "confidence_score": incident.confidence,
    }


def _metadata(incident: Incident, tenant: str, version: str) -> Json:
    layers = [f"layer:{layer}" for layer in dict.fromkeys(one for member in incident.members for one in member.layers)]
    labels = dict.fromkeys(label for member in incident.members for label in member.labels)
    metadata: Json = {
        "version": version,
        "uid": incident.event_id,
        "sequence": incident.revision,
        "log_name": topics.INCIDENTS_OCSF,
        "log_provider": "triptych",
        "tenant_uid": tenant,
        "labels": [*labels, *layers],
        "product": product(),
        "correlation_uid": incident.uid,
    }
    return metadata


def _worst(incident: Incident, most: int) -> list[Member]:
    """At most so many findings, the worst stay, in order of time."""
    ranked = sorted(incident.members, key=lambda member: (-SEVERITY[member.severity][0], -member.risk))
    kept = {member.uid for member in ranked[:most]}
    return [member for member in incident.members if member.uid in kept]


def _finding(member: Member) -> Json:
    info: Json = {
        "uid": member.uid,
        "title": member.title,
        "desc": member.message,
        "first_seen_time": ms(member.started_ns),
        "last_seen_time": ms(member.ended_ns),
        "types": list(member.ids),
        "data_sources": [f"mcp.{layer}" for layer in member.layers],
    }
    return {key: value for key, value in info.items() if value != []}


def _unmapped(incident: Incident, most_lines: int) -> Json:
    """Where it happened, on whose behalf, what ties the findings, and the common timeline; notable lines stay."""
    ranked = sorted(incident.timeline, key=lambda line: not line.entry.notable)[:most_lines]
    lines = sorted(ranked, key=lambda line: line.entry.wall_ns)
    return {
        "incident": {"uid": incident.uid, "revision": incident.revision, "merged_into": incident.into or None},
        "risk": round(incident.risk),
        "findings": len(incident.members),
        "clusters": list(incident.each("cluster")[:20]),
        "hosts": list(incident.each("host")[:20]),
        "workloads": list(incident.each("workload")[:20]),
        "servers": list(incident.each("server")[:20]),
        "tools": list(incident.each("tool")[:20]),
        "principals": list(incident.each("principal")[:20]),
        "conversations": list(incident.each("conversation")[:20]),
        "traces": list(incident.each("correlation_id")[:20]),
        "timeline": [_line(line) for line in lines],
        "timeline_left_out": incident.left_out + len(incident.timeline) - len(lines),
    }


def _line(line: Line) -> Json:
    entry, member = line.entry, line.member
    return {
        "time": ms(entry.wall_ns),
        "layer": entry.layer,
        "title": entry.title,
        "notable": entry.notable,
        "cluster": member.cluster,
        "host": member.host,
        "server": member.server,
        "finding": member.uid,
        "source": entry.source,
    }
