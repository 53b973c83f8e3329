"""Sigma rules and correlations over turns: parsed by pySigma, judged here.

A rule file is refused as a whole, with its code, where any of it could not be meant: half a rule is a false sense of
safety. Correlations count over all turns, in event time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..detections.engine import Hit, Rule
from ..detections.engine.matching import Match
from ..detections.engine.subjects import Subject
from ..errors import ConfigError
from ..events import Call
from ..text import clean
from ..turn import Turn
from .detection import Counted, Plain
from .fields import Event, events
from .windows import Occurrence, Sighting, Windows

__all__ = ["SigmaRules"]

_MOST = 20  # matches that one rule reports of a turn
_REMEMBERED = 4_096  # calls
_SUFFIXES = ("*.yml", "*.yaml")

Found = tuple[Rule, Match]


class SigmaRules:
    """Compiled rules. `dropped` counts matches that were beyond the bounds of what correlations remember."""

    def __init__(self, plains: Sequence[Plain], correlations: Sequence[Counted]) -> None:
        self._plains = tuple(plains)
        self._correlations = tuple(correlations)
        self._windows = tuple(Windows(one.correlation) for one in correlations)
        self._asked: OrderedDict[tuple[int, str], tuple[Call, tuple[Found, ...]]] = OrderedDict()

    @classmethod
    def load(cls, folders: Sequence[Path] = ()) -> SigmaRules:
        """Every *.yml and *.yaml under `folders`. Raises SigmaRuleError D10 to D12, ConfigError for no folder."""
        files: list[Path] = []
        for folder in folders:
            if not folder.is_dir():
                raise ConfigError(f"{folder} is no folder of rules", "set findings.rules to folders with rules")
            files += sorted(file for suffix in _SUFFIXES for file in folder.rglob(suffix))
        return cls.read(files)

    @classmethod
    def read(cls, files: Sequence[Path]) -> SigmaRules:
        """The rules in these files, which may refer to each other. Raises SigmaRuleError D10 to D12."""
        if not files:
            return cls((), ())
        from .reading import read_files  # noqa: PLC0415 - pySigma takes a quarter of a second

        return cls(*read_files(files))

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (*(one.rule for one in self._plains), *(one.rule for one in self._correlations))

    def fresh(self) -> SigmaRules:
        """The same rules, having seen nothing."""
        return SigmaRules(self._plains, self._correlations)

    @property
    def dropped(self) -> int:
        return sum(windows.dropped for windows in self._windows)

    def evaluate(self, turn: Turn) -> tuple[Hit, ...]:
        """A hit for each rule that matches in the turn, and for each correlation that its calls completed."""
        if not self._plains:
            return ()
        found: dict[str, tuple[Rule, list[Match]]] = {}
        for call in turn.calls:
            for rule, match in self._of(turn, call):
                found.setdefault(rule.id, (rule, []))[1].append(match)
        return tuple(Hit(rule, rule.severity, rule.risk, tuple(matches[:_MOST])) for rule, matches in found.values())

    def _of(self, turn: Turn, call: Call) -> tuple[Found, ...]:
        """What is found in one call, remembered as long as the call stays what it is."""
        key = (id(call), next((span.agent for span in turn.spans if span.agent), None) or "")
        known = self._asked.get(key)
        if known is None or known[0] is not call:
            known = self._asked[key] = (call, tuple(self._ask(Turn(turn.key, (call,), turn.spans))))
            if len(self._asked) > _REMEMBERED:
                self._asked.popitem(last=False)
        return known[1]

    def _ask(self, alone: Turn) -> Iterator[Found]:
        for category in dict.fromkeys(one.category for one in self._plains):
            of_category = [one for one in self._plains if one.category == category]
            for number, (subject, event) in enumerate(events(alone, category)):
                for one in of_category:
                    if one.matches(event):
                        if one.told:
                            yield one.rule, Match("", subject)
                        yield from self._count(one, subject, event, number)

    def _count(self, one: Plain, subject: Subject, event: Event, number: int) -> Iterator[Found]:
        """The correlations that this match completes."""
        for counted_rule, windows in zip(self._correlations, self._windows, strict=True):
            correlation = counted_rule.correlation
            for index, slot in enumerate(correlation.slots):
                if slot.rule != one.key:
                    continue
                seen = Sighting(subject.start_ns, index, _identity(subject, number), correlation.value(index, event))
                for group in slot.groups(event):
                    for occurrence in windows.add(group, seen):
                        yield (
                            counted_rule.rule,
                            Match(_same(occurrence), subject, said=(_told(counted_rule, occurrence),)),
                        )
                        break


def _identity(subject: Subject, number: int) -> str:
    """Of one event, the same in every revision of its call."""
    if subject.effect is not None and subject.effect.source:
        return subject.effect.source
    return f"{subject.call.call_id}/{number}"


def _same(occurrence: Occurrence) -> str:
    """By what two occurrences are one finding."""
    return "\0".join(map(str, occurrence.group)) or "all"


def _told(one: Counted, occurrence: Occurrence) -> str:
    span_s = (occurrence.end_ns - occurrence.start_ns) // 1_000_000_000
    group = ", ".join(map(str, occurrence.group))
    return clean(f"{one.rule.title}: {occurrence.metric:g} within {span_s} s{f' of {group}' if group else ''}")
