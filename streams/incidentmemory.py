"""Findings by what they share, in memory: what incidentstore.py keeps in Redis, for replays and tests. Pure.

It forgets nothing, so a replay holds every finding of its span.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..models.incidents.grouping import MOST, first
from ..models.incidents.member import Link, Member, Windows, newest
from .incidents import Gathered, Group, Merged

__all__ = ["IncidentMemory"]


class IncidentMemory:
    """One for all partitions of a replay. `windows` as in models.incidents."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._revisions: dict[str, dict[tuple[bool, int], Member]] = {}
        self._members: dict[str, Member] = {}
        self._linked: dict[Link, dict[str, Member]] = {}
        self._heads: set[str] = set()
        self._merged: set[str] = set()

    async def lookup(self, wanted: Sequence[Member]) -> Gathered:
        """Hold these findings, and answer with the group of each."""
        for member in wanted:
            self._hold(member)
        groups: dict[str, Group] = {}
        for uid in dict.fromkeys(member.uid for member in wanted):
            if uid not in groups:
                group = self._named(self._group(uid))
                groups.update(dict.fromkeys((member.uid for member in group.members), group))
        return Gathered(groups)

    async def apply(self, writes: Sequence[Merged]) -> None:
        """Remember what was told. Doing it twice is doing it once."""
        self._merged.update(write.finding_uid for write in writes)

    def _hold(self, member: Member) -> None:
        revisions = self._revisions.setdefault(member.uid, {})
        revisions[member.rank] = member
        self._members[member.uid] = known = newest(revisions.values())
        for link in member.links():
            self._linked.setdefault(link, {})[member.uid] = known

    def _group(self, uid: str) -> tuple[Member, ...]:
        found: dict[str, Member] = {}
        frontier = [uid]
        while frontier and len(found) < MOST:
            members = [self._members[one] for one in frontier]
            found.update((member.uid, member) for member in members)
            near = dict.fromkeys(other for member in members for other in self._near(member))
            frontier = [other for other in near if other not in found][: MOST - len(found)]
        return tuple(found.values())

    def _near(self, member: Member) -> Iterator[str]:
        """Findings that share something with this one within its window."""
        for link in member.links():
            window = self._windows.of(link.kind)
            for other in self._linked[link].values():
                if window is None or abs(other.started_ns - member.started_ns) <= window:
                    yield other.uid

    def _named(self, members: Iterable[Member]) -> Group:
        """The group with its former names; its name is remembered before it is told."""
        together = tuple(members)
        head = first(together).uid
        self._heads.add(head)
        former = self._heads - self._merged - {head}
        return Group(together, tuple(member.uid for member in together if member.uid in former))
