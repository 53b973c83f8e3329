"""One run: a store, workers, a story told slice by slice while something happens to them, and what is left of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from ...models import topics
from ...streams.store import RedisStore
from .. import verdicts
from ..kafka.cluster import Cluster
from .broker import Broker
from .store import Redis
from .story import BEHIND, slice_of
from .truth import Losses, Truth, lost, with_verdicts
from .undisturbed import undisturbed
from .worker import configured, settings_of
from .workers import Workers

__all__ = ["Disturb", "Outcome", "Scene", "play"]

_FIRST_S = 60.0
_SETTLED_S = 150.0
_QUIET_S = 3.0
_PAUSE_S = 0.5
_LOTS = 5
_WORD = "false"
_LABEL = f"verdict:{_WORD}"


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
    scene. `ended`: last words of workers that ended by themselves and were started again. `held_up_s`: see Broker."""

    losses: Losses
    expected: Truth
    repeated: int
    strikes: int
    ended: tuple[str, ...]
    settled: bool
    held_up_s: float


def play(scene: Scene, disturb: Disturb, slices: int, *, bare: bool, judged: bool) -> Outcome:
    """Tell the story, disturb it, wait until all is committed or nothing moves, and hold it against the truth. With
    `judged` somebody then says something of every finding, which is disturbed as well."""
    scene.cluster.ready()
    scene.store.start()
    try:
        _tell(scene, disturb, slices, bare=bare)
        settled = _settle(scene)
        if judged:
            _say(scene, disturb)
            settled = _settle(scene) and settled
        learned = _learned(scene)
        found = scene.broker.truth(learned)
    finally:
        scene.workers.stop()
        scene.store.kill()
        scene.broker.close()
    settings = settings_of(scene.cluster.bootstrap, scene.store.url, scene.workers.group, scene.workers.turn_gap_s)
    story = [record for record in scene.broker.sent if record.topic != topics.VERDICTS]
    expected = undisturbed(story, settings, configured(settings))
    if judged:
        expected = with_verdicts(expected, _LABEL)
    return Outcome(
        losses=lost(expected, found),
        expected=expected,
        repeated=found.repeated,
        strikes=scene.strikes,
        ended=tuple(scene.workers.ended),
        settled=settled,
        held_up_s=scene.broker.held_up_s,
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


def _say(scene: Scene, disturb: Disturb) -> None:
    """Verdicts in a few lots, and what happens behind each."""
    uids = sorted(scene.broker.truth({}).findings)
    for lot in range(_LOTS):
        for uid in uids[lot::_LOTS]:
            said = verdicts.render(uid, _WORD, "planned", by="ann", time_ms=time.time_ns() // 1_000_000)
            scene.broker.send(topics.VERDICTS, uid, said)
        scene.broker.deliver()
        disturb(scene, lot)


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
