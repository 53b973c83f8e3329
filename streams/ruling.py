"""All rules of a worker asked as one: the rulebook, and the sets of rules beside it. Pure.

What raises stops only itself: it is counted, logged once until rules are loaded anew, and stands as not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import structlog

from ..models.baseline import BaselineView
from ..models.custom import RuleSet
from ..models.detections.engine import Addition, Content, Evaluation, Failed, Growing, Place, Told, Windowed
from ..models.events import Call
from ..models.risk import Judgement
from ..models.turn import Turn
from .sightings import Seeing

__all__ = ["Rules", "Ruling"]

log = structlog.get_logger(__name__)
Said = TypeVar("Said")


class Rules(Seeing, Protocol):
    """What models.detections.engine.Rulebook does."""

    def evaluate(self, turn: Turn, views: Mapping[str, BaselineView], growing: Growing | None = None) -> Evaluation: ...
    def scored(self, turn: Turn, score: Judgement) -> Evaluation: ...


class Ruling:
    """`count` hears how often rules raised."""

    def __init__(self, rules: Rules, others: Sequence[RuleSet], count: Callable[[int], None]) -> None:
        self._count = count
        self.use(rules, others)

    def use(self, rules: Rules, others: Sequence[RuleSet]) -> None:
        """Judge by these from now on; what raised before may be told again."""
        self._rules, self._others = rules, tuple(others)
        self._logged: set[str] = set()

    def evaluate(self, turn: Turn, views: Mapping[str, BaselineView], growing: Growing) -> Evaluation:
        said = self._rules.evaluate(turn, views, growing)
        each, failed = self._ask_others(lambda other: other.evaluate(turn))
        self._heed((*said.failed, *failed))
        if not (each or failed):
            return said
        hits = (*said.hits, *(hit for hits in each for hit in hits))
        return replace(said, hits=hits, not_judged=(*said.not_judged, *(one.not_judged for one in failed)))

    def scored(self, turn: Turn, score: Judgement) -> Evaluation:
        said = self._rules.scored(turn, score)
        self._heed(said.failed)
        return said

    def additions(self, call: Call, told: Told | None = None) -> tuple[Addition, ...]:
        own = self._rules.additions(call, told)
        each, failed = self._ask_others(lambda other: other.additions(call))
        self._heed(failed)
        return (*own, *(one for additions in each for one in additions)) if each else own

    def watch(self, call: Call, windows: Mapping[Place, Content], told: Told | None = None) -> Windowed:
        own = self._rules.watch(call, windows, told)
        each, failed = self._ask_others(lambda other: other.watch(call, windows))
        self._heed((*own.failed, *failed))
        hits = [hit for said in each for hit in said.hits]
        return replace(own, hits=(*own.hits, *hits)) if hits else own

    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Iterable[str]) -> Windowed:
        said = self._rules.follow(call, windows, hits)
        self._heed(said.failed)
        return said

    def _ask_others(self, ask: Callable[[RuleSet], Said]) -> tuple[list[Said], list[Failed]]:
        each: list[Said] = []
        failed: list[Failed] = []
        for other in self._others:
            try:
                each.append(ask(other))
            except Exception as error:
                failed.append(Failed(type(other).__name__, error))
        return each, failed

    def _heed(self, failed: Sequence[Failed]) -> None:
        if not failed:
            return
        self._count(len(failed))
        for one in failed:
            if one.rule not in self._logged:
                self._logged.add(one.rule)
                log.error("a rule failed", rule=one.rule, exc_info=one.error)
