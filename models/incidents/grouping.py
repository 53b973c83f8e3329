"""Which findings are one incident: those that share a trace, or a conversation, workload or principal at nearly the
same time, and whatever hangs on them. The answer depends on the set of findings alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter

from .member import Link, Member, Windows, newest

__all__ = ["MOST", "belong_together", "first", "group"]

MOST = 100
"""Findings of one incident at most, as many as one is told with: each further one costs reading all of them, and an
incident that grew so large tells nothing by growing on."""

_place = attrgetter("started_ns", "uid")


def belong_together(one: Member, other: Member, windows: Windows) -> bool:
    """Whether two findings share something within its window."""
    apart = abs(one.started_ns - other.started_ns)
    shared = set(one.links()) & set(other.links())
    return any((window := windows.of(link.kind)) is None or apart <= window for link in shared)


def first(members: Iterable[Member]) -> Member:
    """The finding that an incident is named after: the earliest by event time."""
    return min(members, key=_place)


def group(members: Iterable[Member], windows: Windows) -> list[tuple[Member, ...]]:
    """Incidents by their first finding, each in order of time. Of a finding that is given several times the newest
    revision counts."""
    revisions: dict[str, list[Member]] = {}
    for member in members:
        revisions.setdefault(member.uid, []).append(member)
    found = [newest(of_finding) for of_finding in revisions.values()]
    roots = {member.uid: member.uid for member in found}
    for one, other in _neighbours(found, windows):
        roots[_root(roots, one.uid)] = _root(roots, other.uid)
    groups: dict[str, list[Member]] = {}
    for member in sorted(found, key=_place):
        groups.setdefault(_root(roots, member.uid), []).append(member)
    return [tuple(together) for together in groups.values()]


def _neighbours(members: Sequence[Member], windows: Windows) -> Iterator[tuple[Member, Member]]:
    """Findings that follow each other closely enough under one link: enough to connect all that belong together."""
    by_link: dict[Link, list[Member]] = {}
    for member in members:
        for link in member.links():
            by_link.setdefault(link, []).append(member)
    for link, found in by_link.items():
        window = windows.of(link.kind)
        found.sort(key=_place)
        for one, other in pairwise(found):
            if window is None or other.started_ns - one.started_ns <= window:
                yield one, other


def _root(roots: dict[str, str], uid: str) -> str:
    while roots[uid] != uid:
        roots[uid] = uid = roots[roots[uid]]
    return uid
