"""What operators expect and do not want to be told of: entries with an owner, a reason and an end.

What an entry covers, its rules do not see; what else they see, they still tell. Nothing is dropped: what is held back
is handed on with the entry that held it, and an entry past its end holds nothing.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..baseline import BaselineView
from ..detections.engine import Hit
from ..detections.engine.asking import Subjects
from ..detections.engine.conditions import Judging
from ..detections.engine.matching import Match, chained, matches_of
from ..detections.engine.subjects import Subject
from ..sigma.fields import FIELDS, FlatEvent, texts
from ..turn import Turn
from .errors import HygieneError

__all__ = ["Exemption", "Exemptions", "Held", "Sifted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """`rules`: ids, or beginnings of ids before a `*`. `expires_ns`: event time from which it no longer applies."""

    id: str
    rules: tuple[str, ...]
    owner: str
    reason: str
    expires_ns: int
    scope: Mapping[str, re.Pattern[str]]

    def speaks_of(self, rule: str) -> bool:
        return any(rule.startswith(one[:-1]) if one.endswith("*") else rule == one for one in self.rules)

    def covers(self, subject: Subject) -> bool:
        """Whether every field of the scope has values, and all of them are among those of the scope."""
        category = "execution" if subject.effect else "definition" if subject.definition else "call"
        event = FlatEvent(subject, category)
        return all(_within(event, name, pattern) for name, pattern in self.scope.items())

    @property
    def told(self) -> str:
        """For whoever finds the finding among the suppressed ones."""
        until = datetime.datetime.fromtimestamp(self.expires_ns / 1e9, datetime.UTC).date()
        return f"exception {self.id} of {self.owner} until {until}: {self.reason}"


def _within(event: FlatEvent, name: str, pattern: re.Pattern[str]) -> bool:
    found = texts(event.get(name))
    return bool(found) and all(map(pattern.fullmatch, found))


@dataclass(frozen=True, slots=True)
class Held:
    """A hit that an entry held back."""

    hit: Hit
    by: Exemption


@dataclass(frozen=True, slots=True)
class Sifted:
    """`lapsed`: entries that would have held a hit back, had they not ended."""

    kept: tuple[Hit, ...]
    held: tuple[Held, ...] = ()
    lapsed: tuple[Exemption, ...] = ()


class Exemptions:
    """The entries of all files."""

    def __init__(self, entries: Sequence[Exemption] = ()) -> None:
        self.entries = tuple(entries)

    @classmethod
    def load(cls, files: Sequence[Path]) -> Exemptions:
        """Raises HygieneError D13 for a file that cannot be meant."""
        if not files:
            return cls()
        from .file import read_file  # noqa: PLC0415 - most deployments begin without

        entries = [entry for file in files for entry in read_file(file)]
        if twice := [name for name, times in Counter(entry.id for entry in entries).items() if times > 1]:
            raise HygieneError(f"two exceptions have the id {twice[0]!r}", "an exception is told by its id")
        return cls(entries)

    def sift(self, turn: Turn, hits: Sequence[Hit], views: Mapping[str, BaselineView], at_ns: int) -> Sifted:
        """What is left of the hits at that event time."""
        if not self.entries:
            return Sifted(tuple(hits))
        kept: list[Hit] = []
        held: list[Held] = []
        lapsed: list[Exemption] = []
        for hit in hits:
            named = [entry for entry in self.entries if entry.speaks_of(hit.rule.id)]
            live = [entry for entry in named if at_ns < entry.expires_ns]
            lapsed += (entry for entry in named if entry not in live and _touched(entry, hit))
            covering = next((entry for entry in live if _touched(entry, hit)), None)
            left = _without(turn, hit, live, views) if covering else hit.matches
            if left:
                kept.append(replace(hit, matches=left))
            elif covering:
                held.append(Held(hit, covering))
        return Sifted(tuple(kept), tuple(held), tuple({entry.id: entry for entry in lapsed}.values()))


def _touched(entry: Exemption, hit: Hit) -> bool:
    return any(entry.covers(match.subject) for match in hit.matches)


def _without(
    turn: Turn, hit: Hit, entries: Sequence[Exemption], views: Mapping[str, BaselineView]
) -> tuple[Match, ...]:
    """What the rule matches where nothing that is covered happened. A rule reports its first matches only, so it is
    asked again: what lies behind them must not hide there."""

    def seen(subject: Subject) -> bool:
        return not any(entry.covers(subject) for entry in entries)

    rule = hit.rule
    if not rule.steps:
        return tuple(match for match in hit.matches if seen(match.subject))
    calls = [Subjects(turn, call) for call in turn.calls if rule.speaks_of(call)]
    found: list[Sequence[Match]] = []
    for step in rule.steps:
        every = (match for call in calls for match in matches_of(rule, step, call, Judging(views)))
        matches = [match for match in every if seen(match.subject)]
        if not matches:
            return ()
        found.append(matches)
    return chained(rule, found)


def scope_pattern(values: Any) -> re.Pattern[str]:
    """One text or several; `*` stands for anything. Nothing else is special, and case counts."""
    parts = [re.escape(str(value)).replace(r"\*", ".*") for value in (values if isinstance(values, list) else [values])]
    return re.compile("|".join(parts), re.DOTALL)


def known_field(name: str) -> bool:
    return any(name in fields for fields in FIELDS.values())
