"""What all rules together cost each call of made-up traffic. As a program it measures in this interpreter and prints
JSON, so that the package as a wheel brings it is measured in one of its own."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from pathlib import Path
from typing import TypeVar

import orjson

from ....models.baseline import Baseline, BaselineView, turn_keys
from ....models.detections.engine import Addition, Content, Growing, Memory, Place, Rulebook, member
from ....models.events import Call
from ....models.turn import Turn
from ....streams.sightings import Sightings
from ..errors import BenchError
from .traffic import known, turns

__all__ = ["Costs", "costs"]

T = TypeVar("T")
_ROUNDS, _QUICK_ROUNDS = 8, 2
_PATIENCE_S = 600


@dataclass(slots=True)
class Costs:
    """Microseconds of each call, by what they went into."""

    turn: list[float] = field(default_factory=list)
    additions: list[float] = field(default_factory=list)
    windows: list[float] = field(default_factory=list)
    store: list[float] = field(default_factory=list)
    places: int = 0
    held: int = 0

    @property
    def all(self) -> list[float]:
        return [sum(each) for each in zip(self.turn, self.additions, self.windows, strict=True)]

    def least(self, other: Costs) -> Costs:
        """The same calls judged twice: what each took when least else was going on."""
        both = [(self.turn, other.turn), (self.additions, other.additions), (self.windows, other.windows)]
        turn, additions, windows, store = (
            [*map(min, one, another)] for one, another in [*both, (self.store, other.store)]
        )
        return Costs(turn, additions, windows, store, self.places, self.held)


def costs(build: Path | None, *, effects: int, quick: bool) -> Costs:
    """Measured in a fresh interpreter; `build` is the folder of a wheel. Raises BenchError B01."""
    count, rounds = (60, _QUICK_ROUNDS) if quick else (400, _ROUNDS)
    argv = (sys.executable, "-m", __spec__.name, *map(str, (effects, count, rounds)))
    env = dict(os.environ) | ({"PYTHONPATH": str(build)} if build else {})
    done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True, timeout=_PATIENCE_S)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BenchError(f"the rules could not be measured: {last[:200]}", "run it by hand", code="B01")
    return Costs(**orjson.loads(done.stdout))


def _measured(effects: int, count: int, rounds: int) -> Costs:
    book, normal = Rulebook.load(), known()
    told = [*turns(count, effects=effects)]
    return reduce(Costs.least, (_judged(book, told, normal) for _ in range(rounds)))


def _judged(book: Rulebook, told: Sequence[Turn], normal: Baseline) -> Costs:
    """Calls as they arrive, one after the other: the turn is judged again at each, and so are the windows."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as a worker
    arrivals = _Arrivals(book)
    for turn in told:
        views = {normal.server: normal.view(turn_keys(turn.calls, normal.server))}
        growing = Growing()
        for upto in range(1, len(turn.calls) + 1):
            arrivals.take(Turn(turn.key, turn.calls[:upto]), views, growing)
    return arrivals.costs


class _Arrivals:
    """What stage 2 asks of the rules at every call, with the store in memory."""

    def __init__(self, book: Rulebook) -> None:
        self._book, self._sightings, self._memory = book, Sightings(book), Memory()
        self.costs = Costs()

    def take(self, part: Turn, views: dict[str, BaselineView], growing: Growing) -> None:
        call, costs = part.calls[-1], self.costs
        us, additions = _timed(lambda: self._wanted(call))
        costs.additions.append(us)
        us, windows = _timed(lambda: {addition.place: self._memory.add(addition) for addition in additions})
        costs.store.append(us)
        costs.places += len(windows)
        costs.held += sum(len(content.held) for content in windows.values())
        us, _ = _timed(lambda: self._book.evaluate(part, views, growing))
        costs.turn.append(us)
        us, _ = _timed(lambda: self._watched(call, windows))
        costs.windows.append(us)

    def _wanted(self, call: Call) -> tuple[Addition, ...]:
        """With the bytes that a store is told."""
        additions = self._sightings.wanted((call,))
        for addition in additions:
            for key in addition.members:
                member(key)
        return additions

    def _watched(self, call: Call, windows: dict[Place, Content]) -> None:
        said = self._sightings.watch(call, windows)
        self._sightings.follow(call, windows, said.rules)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    """Microseconds of processor time: what others do on the machine is no cost of ours."""
    begun = time.thread_time_ns()
    done = work()
    return (time.thread_time_ns() - begun) / 1000, done


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(asdict(_measured(*map(int, sys.argv[1:])))))
