"""Incidents as the broker holds them: every one in its newest revision, or one by its id. Commits nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..models import topics
from ..models.errors import TriptychError
from .reading import Reader

__all__ = ["Incident", "IncidentError", "IncidentInbox", "find", "is_incident", "merged_into", "name_of", "newest"]

Incident = Mapping[str, Any]
"""An OCSF Incident Finding, as streams write it."""

_LATEST_MS = 1 << 42  # of the year 2109; a terminal's calendar ends somewhere
_NEEDED = frozenset({"time", "unmapped", "incident", "uid", "revision"})
_INCIDENT = {
    **dict.fromkeys(("time", "severity_id", "confidence_score"), int),
    **dict.fromkeys(("message", "desc", "severity", "status"), str),
    "finding_info_list": list,
    "unmapped": dict,
}
_MCP = {
    **dict.fromkeys(("clusters", "hosts", "servers", "tools", "principals", "timeline"), list),
    "findings": int,
    "risk": int | float,
    "timeline_left_out": int,
    "incident": dict,
}
_LINE = {"time": int, "title": str}
_FINDING = {"first_seen_time": int, "uid": str, "title": str}


class IncidentError(TriptychError):
    """A03 no incident has this id, A04 several incidents begin with it."""

    code = "A03"


@dataclass
class IncidentInbox:
    """The incidents topic of one broker. `unreadable` counts records that are no incident."""

    client: Mapping[str, Any]
    topic: str = topics.INCIDENTS_OCSF
    unreadable: int = 0

    def read(self) -> list[Incident]:
        """Every incident in its newest revision, by the time it was last heard of. Raises BrokerError K13."""
        with Reader(self.client, (self.topic,)) as reader:
            return newest(found for record in reader.read() for found in self._read(record.value or b""))

    def _read(self, value: bytes) -> Iterator[Incident]:
        try:
            incident = orjson.loads(value)
        except ValueError:
            incident = None
        if is_incident(incident):
            yield incident
        else:
            self.unreadable += 1


def is_incident(told: Any) -> bool:
    """Whether it has the shape that the commands here rest on: others may write to the topic too."""
    mcp: Any = told["unmapped"].get("mcp") if _fits(told, _INCIDENT) else None
    return (
        _fits(mcp, _MCP)
        and _fits(mcp["incident"], {"uid": str, "revision": int})
        and all(_fits(line, _LINE) for line in mcp.get("timeline", ()))
        and all(_fits(finding, _FINDING) for finding in told.get("finding_info_list", ()))
        and all(0 <= at < _LATEST_MS for at in _times(told))
    )


def _fits(told: Any, shape: Mapping[str, Any]) -> bool:
    """Of the names in `shape` those of _NEEDED are there, and what is there is of its kind."""
    return isinstance(told, dict) and all(
        isinstance(told[name], kind) if name in told else name not in _NEEDED for name, kind in shape.items()
    )


def _times(told: Incident) -> Iterator[int]:
    yield told["time"]
    yield from (finding.get("first_seen_time", 0) for finding in told.get("finding_info_list", ()))


def find(inbox: IncidentInbox, identifier: str) -> tuple[Incident, Incident]:
    """The incident whose id begins with `identifier`, and the one that it is part of by now, which may be itself; both
    in their newest revisions. Raises IncidentError A03, A04."""
    held = {name_of(incident): incident for incident in inbox.read()}
    found = [incident for uid, incident in held.items() if identifier and uid.startswith(identifier)]
    if not found:
        raise IncidentError(f"no incident {identifier} in {inbox.topic}", "triptych incident list shows all")
    if len(found) > 1:
        some = ", ".join(sorted(map(name_of, found))[:5])
        raise IncidentError(f"{identifier} is the beginning of {some}", "give more of it", code="A04")
    return found[0], _whole(found[0], held)


def name_of(incident: Incident) -> str:
    """Its id."""
    return str(_told(incident)["uid"])


def merged_into(incident: Incident) -> str:
    """The id of the incident that it is part of; empty where it stands for itself."""
    return str(_told(incident).get("merged_into") or "")


def _told(incident: Incident) -> Mapping[str, Any]:
    told: Mapping[str, Any] = incident["unmapped"]["mcp"]["incident"]
    return told


def _whole(incident: Incident, held: Mapping[str, Incident]) -> Incident:
    """What it became a part of, as far as that is known; what is no chain of mergers ends where it would repeat."""
    seen: set[str] = set()
    while (into := merged_into(incident)) in held and into not in seen:
        seen.add(into)
        incident = held[into]
    return incident


def newest(incidents: Iterable[Incident]) -> list[Incident]:
    """Each incident once. One that became a part of another stays so, whatever its number."""
    found: dict[str, Incident] = {}
    for incident in incidents:
        known = found.get(uid := name_of(incident))
        if known is None or _place(incident) >= _place(known):
            found[uid] = incident
    return sorted(found.values(), key=lambda incident: (incident["time"], name_of(incident)))


def _place(incident: Incident) -> tuple[bool, int]:
    """Among the revisions of one incident the one that stands is that of the greatest place."""
    return bool(merged_into(incident)), int(_told(incident)["revision"])
