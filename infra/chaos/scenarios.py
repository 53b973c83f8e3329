"""What happens, to whom and when; and which broken promise must not survive it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ...models import topics
from .scene import Disturb, Scene
from .story import passing

__all__ = ["SCENARIOS", "Control", "Scenario"]

_BETWEEN_BROKERS = 7  # slices
_OVER_A_START_S = 25.0  # of a worker on a busy machine
_OVER_A_LEADER_S = 45.0  # that is away, and of the rebalance that may follow
_BEYOND_LEADERSHIP_S = 10.5  # the others replace a broker after 9
_BEYOND_SESSION_S = 9.0  # a session times out after 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The same run with one promise broken (`fault`), or a store that keeps nothing (`durable`): it must lose."""

    says: str
    fault: str = ""
    durable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`slices` of a whole run, of a quick one and of a control. `fixed`: workers keep their membership. `bare`: with
    calls that no sensor leased. `judged`: verdicts are told of all findings in the end. `turn_gap_s`: after so much
    silence a turn is over, longer than anything is held up."""

    says: str
    disturb: Disturb
    control: Control
    slices: int
    few: int
    fixed: bool = True
    bare: bool = True
    judged: bool = False
    turn_gap_s: float = 8.0


def _kill_a_worker(scene: Scene, number: int) -> None:
    scene.sleep(0.0, 1.5)
    name = scene.chance.choice(scene.workers.names)
    scene.workers.kill(name)
    scene.workers.start(name)
    scene.strikes += 1


def _kill_behind_what_is_over(scene: Scene, number: int) -> None:
    """Chunks that hold nothing open come behind some that do, and there is time to commit."""
    scene.sleep(0.5, 1.0)
    scene.broker.tell(passing(number, time.time_ns()))
    scene.sleep(1.0, 1.5)
    _kill_a_worker(scene, number)


def _strike_a_broker(scene: Scene, number: int) -> None:
    """The one that takes most results freezes with what was just sent to it. At first it dies, and comes back while the
    story goes on. The next one, when all copies are equal again, is only cut off: it wakes up when the others have long
    replaced it, and believes that it leads."""
    if number % _BETWEEN_BROKERS == 1:
        scene.broker.wait_in_sync()
        scene.frozen = scene.broker.leader(topics.CALLS) - 1
        scene.cluster.freeze(scene.frozen)
        scene.sleep(0.5, 1.0)
        scene.strikes += 1
    if number == 2:
        scene.cluster.kill(scene.frozen)
        scene.sleep(0.0, 1.0)
        scene.cluster.start(scene.frozen)
    if number == 2 + _BETWEEN_BROKERS:
        scene.sleep(_BEYOND_LEADERSHIP_S, _BEYOND_LEADERSHIP_S + 1)
        scene.cluster.thaw(scene.frozen)
    scene.sleep(2.0, 2.5)


def _kill_the_store(scene: Scene, number: int) -> None:
    """Every second time late enough that turns have closed and taught it something."""
    if number % 4 == 0:
        scene.sleep(10.0, 11.0)
    if number % 2 == 0:
        scene.store.kill()
        scene.sleep(0.5, 2.0)
        scene.store.start()
        scene.strikes += 1


def _take_the_store_away(scene: Scene, number: int) -> None:
    """Long enough that turns close meanwhile and would teach it something."""
    if number == 3:
        scene.store.kill()
        scene.strikes += 1
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
    scene.strikes += 1
    scene.sleep(1.0, 3.0)


def _poison(scene: Scene, number: int) -> None:
    for topic, junk in {
        topics.PROTOCOL: b"junk",
        topics.EXECUTION: b"\0\0\0\x04\x4ecut short",
        topics.CALLS: b"\0\0\0\x03\xea",
        topics.AGENT: b"\0\xff\xff\xff\xff",
        topics.ALERTS: b"",
    }.items():
        scene.broker.send(topic, f"workload-{number % 5}", junk)
        scene.strikes += 1


def _pause_a_worker(scene: Scene, number: int) -> None:
    """Frozen when it has read and committed what calls and turns are still made of; at first beyond its session."""
    if number % 4 == 1:
        scene.sleep(1.5, 2.0)
        scene.workers.freeze("worker-1")
        scene.strikes += 1
    if number % 4 == 3:
        least_s = _BEYOND_SESSION_S if number % 8 == 3 else 1.0
        scene.sleep(least_s, least_s + 1)
        scene.workers.thaw("worker-1")
        scene.sleep(2.0, 3.0)


SCENARIOS: Mapping[str, Scenario] = {
    "workers": Scenario(
        says="kill -9 of a worker",
        disturb=_kill_a_worker,
        control=Control(says="committed on read", fault="committed-on-read"),
        slices=21,
        few=5,
        turn_gap_s=_OVER_A_START_S,
    ),
    "verdicts": Scenario(
        says="kill -9 of a worker while analysts speak",
        disturb=_kill_a_worker,
        control=Control(says="committed on read", fault="committed-on-read"),
        slices=3,
        few=3,
        judged=True,
        turn_gap_s=_OVER_A_START_S,
    ),
    "acks": Scenario(
        says="chunks are finished in another order than they came, kill -9 of a worker",
        disturb=_kill_behind_what_is_over,
        control=Control(says="acknowledged out of order", fault="acknowledged-out-of-order"),
        slices=8,
        few=8,
        turn_gap_s=_OVER_A_START_S,
    ),
    "broker": Scenario(
        says="kill -9 of a broker of three, and one that is cut off",
        disturb=_strike_a_broker,
        control=Control(says="sent without waiting for acks", fault="sent-without-acks"),
        slices=10,
        few=10,
        bare=False,  # their effects may come when their call is committed: after a rebalance these are background
        turn_gap_s=_OVER_A_LEADER_S,
    ),
    "redis": Scenario(
        says="kill -9 of Redis",
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
        turn_gap_s=_OVER_A_START_S,
    ),
    "poison": Scenario(
        says="records that are no event, in the midst of others",
        disturb=_poison,
        control=Control(says="a bad record takes its chunk along", fault="chunk-dropped"),
        slices=6,
        few=4,
    ),
    "pause": Scenario(
        says="a worker frozen, beyond its session and for less, then awake again",
        disturb=_pause_a_worker,
        control=Control(says="open calls hold no offsets", fault="released-early"),
        slices=8,
        few=4,
        turn_gap_s=_OVER_A_START_S,
    ),
}
