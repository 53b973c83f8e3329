"""What was said of each effect against the truth, for our bindings and for two naive joins of the same events. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ....models.events import Binding

__all__ = ["METHODS", "WINDOW_NS", "Asked", "Effect", "Run", "Score", "score"]

WINDOW_NS = 500_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call by its number, and when it was sent (CLOCK_MONOTONIC nanoseconds)."""

    call: int
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something a server's process did: for which call in truth, and what the sensor says."""

    truth: int
    tool: str
    at_ns: int
    named: frozenset[int]
    binding: Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One server under one load. `unseen` counts files that its tools made and no event tells of."""

    asked: Sequence[Asked]
    effects: Sequence[Effect]
    unseen: int = 0


@dataclass(slots=True)
class Score:
    """Counts over effects. `claims` are pairs of effect and call, `certain` effects given to one call."""

    effects: int = 0
    hits: int = 0
    claims: int = 0
    certain: int = 0
    certain_wrong: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)  # of a level: the truth is not among what was said

    def add(self, truth: int, named: frozenset[int], level: str) -> None:
        self.effects += 1
        self.claims += len(named)
        self.hits += truth in named
        self.levels[level] += 1
        self.wrong[level] += truth not in named
        if len(named) == 1:
            self.certain += 1
            self.certain_wrong += truth not in named

    @property
    def recall(self) -> float:
        """Percent of the effects whose call is among those said."""
        return _percent(self.hits, self.effects)

    @property
    def precision(self) -> float:
        """Percent of the calls said that are right."""
        return _percent(self.hits, self.claims)

    def share(self, *levels: str) -> float:
        return _percent(sum(self.levels[level] for level in levels), self.effects)


Method = Callable[[Run, Effect], tuple[frozenset[int], str]]


def _ours(_: Run, effect: Effect) -> tuple[frozenset[int], str]:
    return effect.named, effect.binding


def _window(run: Run, effect: Effect) -> tuple[frozenset[int], str]:
    """Every call sent to the process tree within the half second before the effect."""
    times = [one.at_ns for one in run.asked]
    first, last = bisect_right(times, effect.at_ns - WINDOW_NS), bisect_right(times, effect.at_ns)
    return frozenset(one.call for one in run.asked[first:last]), "window"


def _last(run: Run, effect: Effect) -> tuple[frozenset[int], str]:
    """The call sent last before the effect."""
    at = bisect_right([one.at_ns for one in run.asked], effect.at_ns)
    return frozenset(one.call for one in run.asked[max(0, at - 1) : at]), "last"


METHODS: dict[str, Method] = {"triptych": _ours, "window 500 ms": _window, "last request": _last}


def score(runs: Iterable[Run], method: str, tools: Iterable[str] = ()) -> Score:
    """What `method` makes of the effects of some tools, or of all. Calls must stand in the order of their times."""
    found, chosen = Score(), frozenset(tools)
    for run in runs:
        for effect in run.effects:
            if not chosen or effect.tool in chosen:
                found.add(effect.truth, *METHODS[method](run, effect))
    return found


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
