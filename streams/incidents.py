"""Stage 3: findings that belong together, told as one incident over servers, hosts and clusters. A pure class.

What belongs together lies in any partition, so the store holds the findings and answers with the whole of each group.
A group grows and never shrinks; its revision is the sum of those of its findings and rises when one is closed, so
order and repetition change nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..models import ocsf, topics
from ..models.errors import ConfigError
from ..models.events import Alert
from ..models.incidents import ocsf as incident_ocsf
from ..models.incidents.incident import Incident, assemble, incident_uid, merged
from ..models.incidents.member import Member, of_alert
from .pins import Pin
from .stage import Input, Output, Step

__all__ = ["Gathered", "Gathering", "Group", "Incidents", "Merged", "Render"]

_REMEMBERED = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """How incidents are made and where they go."""

    tenant: str = "default"
    ocsf_version: str = ocsf.DEFAULT
    incidents_ocsf: str = topics.INCIDENTS_OCSF

    def __post_init__(self) -> None:
        if self.ocsf_version not in ocsf.VERSIONS:
            raise ConfigError(f"OCSF {self.ocsf_version} cannot be written", f"one of {', '.join(ocsf.VERSIONS)}")


@dataclass(frozen=True, slots=True)
class Group:
    """Everything that belongs together, and the findings that incidents out of it were named after before."""

    members: tuple[Member, ...]
    former: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """The store's answer: for each finding of a chunk its group."""

    groups: Mapping[str, Group] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Merged:
    """It was told that the incident named after this finding is part of another."""

    finding_uid: str


class Render(Protocol):
    """What makes the body of a record out of an incident."""

    def __call__(self, incident: Incident, *, tenant: str, version: str) -> bytes: ...


class Incidents:
    """The stage `incidents` of one partition of findings."""

    def __init__(self, gathering: Gathering, render: Render = incident_ocsf.render) -> None:
        self._gathering = gathering
        self._render = render
        self._told: OrderedDict[str, tuple[int, int]] = OrderedDict()  # incident -> revision, what was told
        self._known: Gathered | None = None
        self._assembled: set[int] = set()  # groups of `_known`
        self._totals = dict.fromkeys(("created", "updated", "merged"), 0)

    def counts(self) -> dict[str, int]:
        """How often what happened since this stage began."""
        return dict(self._totals)

    def levels(self) -> dict[str, int]:
        """Nothing is held: the store holds it."""
        return {}

    def wanted(self, records: Sequence[Input]) -> tuple[Member, ...]:
        """What the store must hold and answer with its group."""
        return tuple(of_alert(record) for record in records if isinstance(record, Alert))

    def next_deadline(self) -> int | None:
        return None

    def crowding(self) -> bool:
        return False

    def advance(self, watermark_ns: int) -> Step:
        return Step()

    def add(self, record: Input, pin: Pin, known: Gathered | None) -> Step:
        """Take a finding. Anything else raises TypeError."""
        if not isinstance(record, Alert):
            raise TypeError(f"no incident holds a record of type {type(record).__name__}")
        group = known.groups.get(record.finding_uid) if known else None
        if group is None:
            group = Group((of_alert(record),))
        elif self._was_assembled(group, known):
            return Step()
        incident = assemble(group.members, tenant=self._gathering.tenant)
        if not self._news(incident):
            return Step()
        outputs = [self._output(incident), *map(self._output, self._merged(group, incident))]
        return Step(outputs=tuple(outputs), writes=tuple(map(Merged, group.former)))

    def _was_assembled(self, group: Group, known: Gathered | None) -> bool:
        """Of several findings in one chunk that are one group the first tells for all."""
        if known is not self._known:
            self._known = known
            self._assembled.clear()
        was = id(group) in self._assembled
        self._assembled.add(id(group))
        return was

    def _news(self, incident: Incident) -> bool:
        """Whether this was not told yet. A worker that took a turn over may tell something else of it under a number
        that was told already."""
        told, known = (incident.revision, hash(incident)), self._told.get(incident.uid)
        if known is not None and (known == told or known[0] > incident.revision):
            return False
        self._totals["created" if incident.activity == "create" else "updated"] += 1
        self._told[incident.uid] = told
        self._told.move_to_end(incident.uid)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return True

    def _merged(self, group: Group, incident: Incident) -> Iterator[Incident]:
        for finding in group.former:
            self._totals["merged"] += 1
            yield merged(incident_uid(self._gathering.tenant, finding), incident)

    def _output(self, incident: Incident) -> Output:
        gathering = self._gathering
        body = self._render(incident, tenant=gathering.tenant, version=gathering.ocsf_version)
        headers = incident_ocsf.headers(incident, tenant=gathering.tenant, version=gathering.ocsf_version)
        return Output(gathering.incidents_ocsf, incident.uid, body, headers)
