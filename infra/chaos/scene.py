"""One run: a store, workers, a story told slice by slice while something happens to them, and what is left of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from ...streams.store import RedisStore
from ..kafka.cluster import Cluster
from .broker import Broker
from .store import Redis
from .story import BEHIND, slice_of
from .truth import Losses, Truth, lost
from .undisturbed import undisturbed
from .worker import configured, settings_of
from .workers import Workers

__all__ = ["Disturb", "Outcome", "Scene", "play"]

_FIRST_S = 60.0
_SETTLED_S = 150.0
_QUIET_S = 3.0
_PAUSE_S = 0.5


@dataclass(slots=True)
class Scene:
    """What a disturbance may touch. Its numbers come from `chance`, so that a run can be repeated.

    `strikes` counts how often something was done to it, `frozen` is the broker that was frozen last.
    """

    cluster: Cluster
    broker: Broker
    store: Redis
    workers: Workers
    chance: random.Random
    strikes: int = 0
    frozen: int = 0

    def sleep(self, least_s: float, most_s: float) -> None:
        time.sleep(self.chance.uniform(least_s, most_s))


Disturb = Callable[[Scene, int], None]
"""Called behind every slice, with its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`expected` is to be there, `repeated` was told more than once. `strikes`: how often something was done to the
    scene. `ended`: last words of workers that ended by themselves and were started again."""

    losses: Losses
    expected: Truth
    repeated: int
    strikes: int
    ended: tuple[str, ...]
    settled: bool


def play(scene: Scene, disturb: Disturb, slices: int, *, bare: bool) -> Outcome:
    """Tell the story, disturb it, wait until all is committed or nothing moves, and hold it against the truth."""
    scene.cluster.ready()
    scene.store.start()
    try:
        _tell(scene, disturb, slices, bare=bare)
        settled = _settle(scene)
        learned = _learned(scene)
        found = scene.broker.truth(learned)
    finally:
        scene.workers.stop()
        scene.store.kill()
        scene.broker.close()
    settings = settings_of(scene.cluster.bootstrap, scene.store.url, scene.workers.group, scene.workers.turn_gap_s)
    expected = undisturbed(scene.broker.sent, settings, configured(settings))
    return Outcome(
        losses=lost(expected, found),
        expected=expected,
        repeated=found.repeated,
        strikes=scene.strikes,
        ended=tuple(scene.workers.ended),
        settled=settled,
    )


def _tell(scene: Scene, disturb: Disturb, slices: int, *, bare: bool) -> None:
    if not scene.workers.names:
        scene.workers.start("worker-1", "worker-2")
    for number in range(slices + BEHIND):
        scene.broker.tell(slice_of(number, slices, time.time_ns() - int(_PAUSE_S * 1e9), bare=bare))
        if number == 0:
            _awake(scene)
        elif number < slices:
            disturb(scene, number)
        scene.workers.tend()
        time.sleep(_PAUSE_S)
    scene.broker.deliver()


def _awake(scene: Scene) -> None:
    """Nothing can be disturbed before it works: wait for the first result."""
    before, deadline = scene.broker.written(), time.monotonic() + _FIRST_S
    while scene.broker.written() == before and time.monotonic() < deadline:
        scene.workers.tend()
        time.sleep(0.2)


def _settle(scene: Scene) -> bool:
    """Whether everything was committed; results may still be on their way, so a while of quiet is part of it."""
    deadline, written, moved = time.monotonic() + _SETTLED_S, -1, time.monotonic()
    while time.monotonic() < deadline:
        scene.workers.tend()
        now = scene.broker.written()
        if now != written:
            written, moved = now, time.monotonic()
        if scene.broker.behind() == 0 and time.monotonic() - moved >= _QUIET_S:
            return True
        time.sleep(0.3)
    return False


def _learned(scene: Scene) -> dict[str, int]:
    async def ask() -> dict[str, int]:
        store = RedisStore(scene.store.url, tenant=scene.workers.group)
        try:
            return await store.sessions()
        finally:
            await store.close()

    return asyncio.run(ask())
