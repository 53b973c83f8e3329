"""What happens, to whom and when; and which broken promise must not survive it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ...models import topics
from .scene import Disturb, Scene
from .story import passing

__all__ = ["SCENARIOS", "Control", "Scenario"]

_BEYOND_SESSION_S = 9.0  # a session times out after 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The same run with one promise broken (`fault`), or a store that keeps nothing (`durable`): it must lose."""

    says: str
    fault: str = ""
    durable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`slices` of a whole run, of a quick one and of a control. `fixed`: workers keep their membership."""

    says: str
    disturb: Disturb
    control: Control
    slices: int
    few: int
    fixed: bool = True


def _kill_a_worker(scene: Scene, number: int) -> None:
    scene.sleep(0.0, 1.5)
    name = scene.chance.choice(scene.workers.names)
    scene.workers.kill(name)
    scene.workers.start(name)


def _kill_behind_what_is_over(scene: Scene, number: int) -> None:
    """Chunks that hold nothing open come behind some that do, and there is time to commit."""
    scene.sleep(0.5, 1.0)
    scene.broker.tell(passing(number, time.time_ns()))
    scene.sleep(1.0, 1.5)
    _kill_a_worker(scene, number)


def _kill_a_broker(scene: Scene, number: int) -> None:
    """First it freezes with what was just sent to it, then it dies; it comes back before the next one goes."""
    if number % 4 != 1:
        return
    index = scene.chance.randrange(3)
    scene.cluster.freeze(index)
    scene.sleep(2.5, 3.5)
    scene.cluster.kill(index)
    scene.sleep(0.0, 1.0)
    scene.cluster.start(index)


def _kill_the_store(scene: Scene, number: int) -> None:
    """Every second time late enough that turns have closed and taught it something."""
    if number % 4 == 0:
        scene.sleep(10.0, 11.0)
    if number % 2 == 0:
        scene.store.kill()
        scene.sleep(0.5, 2.0)
        scene.store.start()


def _take_the_store_away(scene: Scene, number: int) -> None:
    """Long enough that turns close meanwhile and would teach it something."""
    if number == 3:
        scene.store.kill()
    if number == 5:
        scene.sleep(12.0, 13.0)
        scene.store.start()


def _move_workers(scene: Scene, number: int) -> None:
    """One worker stays; others join, leave and join again."""
    name = f"guest-{number % 3}"
    if name in scene.workers.names:
        scene.workers.leave(name)
    else:
        scene.workers.start(name)
    scene.sleep(1.0, 3.0)


def _poison(scene: Scene, number: int) -> None:
    for topic, junk in {
        topics.PROTOCOL: b"junk",
        topics.EXECUTION: b"\0\0\0\x04\x4ecut short",
        topics.CALLS: b"\0\0\0\x03\xea",
        topics.AGENT: b"\0\xff\xff\xff\xff",
    }.items():
        scene.broker.send(topic, f"workload-{number % 5}", junk)


def _pause_a_worker(scene: Scene, number: int) -> None:
    if number % 4 == 1:
        scene.workers.freeze("worker-1")
    if number % 4 == 3:
        scene.sleep(_BEYOND_SESSION_S, _BEYOND_SESSION_S + 1)
        scene.workers.thaw("worker-1")
        scene.sleep(2.0, 3.0)


SCENARIOS: Mapping[str, Scenario] = {
    "workers": Scenario(
        says="kill -9 of a worker, 20 times",
        disturb=_kill_a_worker,
        control=Control(says="committed on read", fault="committed-on-read"),
        slices=21,
        few=5,
    ),
    "acks": Scenario(
        says="chunks are finished in another order than they came, kill -9 of a worker",
        disturb=_kill_behind_what_is_over,
        control=Control(says="acknowledged out of order", fault="acknowledged-out-of-order"),
        slices=8,
        few=5,
    ),
    "broker": Scenario(
        says="freeze and kill -9 of a broker of three, twice",
        disturb=_kill_a_broker,
        control=Control(says="sent without waiting for acks", fault="sent-without-acks"),
        slices=8,
        few=4,
    ),
    "redis": Scenario(
        says="kill -9 of Redis, four times",
        disturb=_kill_the_store,
        control=Control(says="Redis keeps no log of writes", durable=False),
        slices=9,
        few=5,
    ),
    "redis-away": Scenario(
        says="Redis away for twelve seconds",
        disturb=_take_the_store_away,
        control=Control(says="a store that does not answer is done without", fault="store-given-up"),
        slices=7,
        few=6,
    ),
    "rebalance": Scenario(
        says="workers join and leave under load",
        disturb=_move_workers,
        control=Control(says="open calls hold no offsets", fault="released-early"),
        slices=9,
        few=5,
        fixed=False,
    ),
    "poison": Scenario(
        says="records that are no event, in the midst of others",
        disturb=_poison,
        control=Control(says="a bad record takes its chunk along", fault="chunk-dropped"),
        slices=6,
        few=4,
    ),
    "pause": Scenario(
        says="a worker frozen beyond its session, then awake again",
        disturb=_pause_a_worker,
        control=Control(says="open calls hold no offsets", fault="released-early"),
        slices=8,
        few=4,
    ),
}
