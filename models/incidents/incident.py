"""One incident out of its findings: a name that stays, a revision that only grows, one timeline over all of them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..events import Activity, Severity, TimelineEntry
from ..ocsf_terms import SEVERITY
from ..text import plural
from .grouping import first
from .member import Member

__all__ = ["Incident", "Line", "assemble", "incident_uid", "merged"]

_NAMESPACE = uuid.UUID("0d0b6d3a-5d9c-5c40-8f0e-6a1f6c1a7e55")
_MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the common timeline, with the finding that tells it."""

    entry: TimelineEntry
    member: Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """`members` in order of time; `into` names the incident that this one became a part of."""

    uid: str
    revision: int
    activity: Activity
    severity: Severity
    risk: float
    confidence: int
    title: str
    summary: str
    members: tuple[Member, ...]
    timeline: tuple[Line, ...]
    left_out: int = 0
    into: str = ""

    @property
    def event_id(self) -> str:
        """The id of this revision (UUIDv5)."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.uid}/{self.revision}/{self.into}"))

    @property
    def started_ns(self) -> int:
        return min(member.started_ns for member in self.members)

    @property
    def ended_ns(self) -> int:
        return max(member.ended_ns for member in self.members)

    def each(self, name: str) -> tuple[str, ...]:
        """The different values that the findings have there, in order of time, without empty ones."""
        return tuple(dict.fromkeys(value for member in self.members if (value := getattr(member, name))))


def incident_uid(tenant: str, finding_uid: str) -> str:
    """`inc-` and 16 hex digits of SHA-256 over tenant and the first finding."""
    return "inc-" + hashlib.sha256(f"{tenant}\0{finding_uid}".encode()).hexdigest()[:16]


def assemble(members: Sequence[Member], *, tenant: str) -> Incident:
    """The incident of findings that belong together. Its revision is the sum of theirs, and one more for each that is
    closed, so that it rises with each of them, and is the same in every replay. Needs at least one finding."""
    members = sorted(members, key=lambda member: (member.started_ns, member.uid))
    worst = max(members, key=lambda member: (SEVERITY[member.severity][0], member.risk, member.uid))
    lines = sorted(_lines(members), key=lambda line: (not line.entry.notable, line.entry.wall_ns))
    kept = sorted(lines[:_MOST_LINES], key=lambda line: (line.entry.wall_ns, line.member.uid, line.entry.source))
    revision = sum(member.sequence + member.closed for member in members)
    found = Incident(
        uid=incident_uid(tenant, first(members).uid),
        revision=revision,
        activity=_activity(members, revision),
        severity=worst.severity,
        risk=worst.risk,
        confidence=max(member.confidence for member in members),
        title=worst.title,
        summary="",
        members=tuple(members),
        timeline=tuple(kept),
        left_out=len(lines) - len(kept),
    )
    return replace(found, summary=_summary(found))


def merged(former: str, incident: Incident) -> Incident:
    """The last word on an incident that was told under the name of a finding which is not the first any more."""
    summary = f"Part of {incident.uid}, which began earlier"
    return replace(incident, uid=former, activity="close", into=incident.uid, summary=summary)


def _activity(members: Sequence[Member], revision: int) -> Activity:
    if all(member.closed for member in members):
        return "close"
    return "create" if len(members) == 1 and revision == 1 else "update"


def _lines(members: Iterable[Member]) -> Iterator[Line]:
    """Every line once: a source that two findings tell of is the same event."""
    seen: set[tuple[str, int, str]] = set()
    for member in members:
        for entry in member.timeline:
            key = (entry.source, entry.wall_ns, entry.title)
            if key not in seen:
                seen.add(key)
                yield Line(entry, member)


def _summary(incident: Incident) -> str:
    servers, hosts, clusters = (len(incident.each(name)) for name in ("server", "host", "cluster"))
    places = [plural(servers, "server")] if servers else []
    places += [plural(hosts, "host")] if hosts > 1 else []
    places += [plural(clusters, "cluster")] if clusters > 1 else []
    where = f" on {', '.join(places)}" if places else ""
    return f"{plural(len(incident.members), 'finding')}{where}; the worst: {incident.title}"
