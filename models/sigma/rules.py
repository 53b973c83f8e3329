"""Sigma rules and correlations over turns: parsed by pySigma, judged here.

A rule file is refused as a whole, with its code, where any of it could not be meant: half a rule is a false sense of
safety. Correlations count over all turns, in event time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..detections.engine import Addition, Content, Hit, Place, Rule, Windowed
from ..detections.engine.matching import Match
from ..errors import ConfigError
from ..events import Call
from ..turn import Turn
from .counting import Counting
from .detection import Counted, Plain
from .fields import events

__all__ = ["SigmaRules"]

_MOST = 20  # matches that one rule reports of a turn
_REMEMBERED = 4_096  # calls
_SUFFIXES = ("*.yml", "*.yaml")

Found = tuple[Rule, Match]


class SigmaRules:
    """Compiled rules."""

    def __init__(self, plains: Sequence[Plain], correlations: Sequence[Counted]) -> None:
        self.rules: tuple[Rule, ...] = (*(one.rule for one in plains), *(one.rule for one in correlations))
        self._told = [one for one in plains if one.told]
        self._categories = tuple(dict.fromkeys(one.category for one in self._told))
        self._counting = Counting(plains, correlations)
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

    def evaluate(self, turn: Turn) -> tuple[Hit, ...]:
        """A hit for each rule that matches in the turn."""
        if not self._told:
            return ()
        found: dict[str, tuple[Rule, list[Match]]] = {}
        for call in turn.calls:
            for rule, match in self._of(turn, call):
                found.setdefault(rule.id, (rule, []))[1].append(match)
        return tuple(Hit(rule, rule.severity, rule.risk, tuple(matches[:_MOST])) for rule, matches in found.values())

    def additions(self, call: Call) -> tuple[Addition, ...]:
        """What a call adds to the windows of correlations."""
        return self._counting.additions(call)

    def watch(self, call: Call, windows: Mapping[Place, Content]) -> Windowed:
        """What the correlations say of a call. `windows` answers its `additions`, which they hold."""
        return self._counting.watch(call, windows)

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
        for category in self._categories:
            of_category = [one for one in self._told if one.category == category]
            for subject, event in events(alone, category):
                for one in of_category:
                    if one.matches(event):
                        yield one.rule, Match("", subject)
