"""Incidents as the broker holds them: every one in its newest revision, or one by its id. Commits nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..models import topics
from ..models.errors import TriptychError
from .reading import Reader

__all__ = ["Incident", "IncidentError", "IncidentInbox", "find", "newest"]

Incident = Mapping[str, Any]
"""An OCSF Incident Finding, as streams write it."""


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
            _name(incident), incident["time"]
        except (ValueError, KeyError, TypeError):
            self.unreadable += 1
        else:
            yield incident


def find(inbox: IncidentInbox, identifier: str) -> Incident:
    """The newest revision of the incident whose id begins with `identifier`. Raises IncidentError A03, A04."""
    found = [incident for incident in inbox.read() if _name(incident)[0].startswith(identifier)]
    if not found:
        raise IncidentError(f"no incident {identifier} in {inbox.topic}", "triptych incident list shows all")
    if len(found) > 1:
        some = ", ".join(sorted(_name(incident)[0] for incident in found)[:5])
        raise IncidentError(f"{identifier} is the beginning of {some}", "give more of it", code="A04")
    return found[0]


def _name(incident: Incident) -> tuple[str, int]:
    told = incident["unmapped"]["mcp"]["incident"]
    return str(told["uid"]), int(told["revision"])


def newest(incidents: Iterable[Incident]) -> list[Incident]:
    """Each incident once. One that became a part of another stays so, whatever its number."""
    found: dict[str, Incident] = {}
    for incident in incidents:
        uid, revision = _name(incident)
        known = found.get(uid)
        if known is None or (_merged(incident), revision) >= (_merged(known), _name(known)[1]):
            found[uid] = incident
    return sorted(found.values(), key=lambda incident: (incident["time"], _name(incident)))


def _merged(incident: Incident) -> bool:
    return bool(incident["unmapped"]["mcp"]["incident"].get("merged_into"))
