"""`make bench-latency`: how long after an event its finding is there, of hard rules and of scores."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time_ns

from ....models.errors import ConfigError
from ....models.wire import bundled
from ... import brokers, stores
from ...settings import Kafka, Redis
from ..errors import BenchError
from ..gateway.compiled import COMPILED, compiled
from ..report import Row
from ..rounds import percentile
from ..run import Measured, Plan, main
from .memory import teach
from .running import Arrival, Ear, Mouth, Worker, worker
from .traffic import EFFECT_NS, REPLY_NS, Kind, Told, heartbeats, kind_of, told

__all__ = ["measure"]

_RULE_S = 0.5
_SCORE_S = 2.0  # grace_ms of a worker as it comes, and a second
_S = 1_000_000_000
_ENDED = ("triptych_stage_total learned", "triptych_stage_total quarantined")
_OVER_NS = 60 * _S  # for so long before now nothing happens, so that the last turns close as soon as they are read
_APART_NS = 20_000_000  # calls of the backlog, so that turns end while others begin
_TICK_S = 0.005
_AFTER_S = 3  # the rate goes on for calls that are not counted: without it the last ones wait for a topic to fall idle
_EDGES_S = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    backlog: int
    seconds: int


_WHOLE = _Size(backlog=12_000, seconds=60)
_QUICK = _Size(backlog=3_000, seconds=8)


def measure(plan: Plan) -> Measured:
    """First how many calls a second one worker gets through, then the latency at half of that."""
    if plan.only:
        raise ConfigError(f"there is no part {plan.only!r}", "leave --only out")
    size = _QUICK if plan.quick else _WHOLE
    build = compiled(plan.tell, build=not plan.quick)
    with (
        brokers.start(Kafka(provider="local")) as broker,
        stores.start(Redis(provider="local")) as store,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
    ):
        plan.tell("training a model")
        teach(store.url, "bench")
        mouth = Mouth(broker.bootstrap, bundled())
        plan.tell(f"how fast a worker gets through {size.backlog} calls")
        mouth.say(_backlog(size.backlog, time_ns()))
        mouth.hush()
        with worker(broker.bootstrap, store.url, "bench", Path(folder) / "worker.log", build) as ours:
            limit = _limit(ours, size.backlog)
            plan.tell(f"latency at {limit / 2:.0f} calls/s")
            ear = Ear(broker.bootstrap)
            began, heard = _paced(mouth, ear, limit / 2, size.seconds, first=size.backlog)
            ear.close()
    return Measured(rows=_rows(limit, began, heard), versions={"stage 1": COMPILED if build else "Python"})


def _backlog(calls: int, now_ns: int) -> list[Told]:
    """What happened while no worker ran: calls at a steady rate, with the heartbeats between them."""
    start = now_ns - _OVER_NS - calls * _APART_NS
    events = [one for n in range(calls) for one in told(n, start + n * _APART_NS)]
    beats = [one for at_ns in range(start, now_ns - _OVER_NS, _S) for one in heartbeats(at_ns)]
    return sorted([*events, *beats], key=lambda one: one.wall_ns)


def _limit(ours: Worker, calls: int) -> float:
    """Calls a second that the worker joins and judges from a backlog, from its first turn to the end of its last: what
    comes before is the start of a process, with its model."""
    ours.wait(lambda seen: seen.get("triptych_stage_level turns", 0) > 0, "begin", patience_s=60)
    began = time.monotonic()
    ours.wait(lambda seen: _ended(seen) >= calls, f"get through {calls} calls", patience_s=300)
    return calls / (time.monotonic() - began)


def _ended(seen: Mapping[str, float]) -> float:
    """Turns that were judged, closed, and taught something or not: each of them has one call."""
    return sum(seen.get(name, 0.0) for name in _ENDED)


def _paced(
    mouth: Mouth, ear: Ear, rate: float, seconds: int, first: int
) -> tuple[dict[str, tuple[int, Kind]], list[Arrival]]:
    """Calls at a steady rate as they happen: when each turn that counts began and of what kind it is, and what was
    heard."""
    began: dict[str, tuple[int, Kind]] = {}
    heard: list[Arrival] = []
    waiting: list[Told] = []
    start, beat, number = time_ns(), time_ns(), 0
    while (now := time_ns()) < start + (seconds + _AFTER_S) * _S:
        while start + int(number / rate * _S) <= now:
            waiting += told(first + number, now)
            if now < start + seconds * _S:
                began[f"turn-{first + number}"] = (now, kind_of(first + number))
            number += 1
        due = [one for one in waiting if one.wall_ns <= now]
        waiting = [one for one in waiting if one.wall_ns > now]
        if now >= beat:
            due += heartbeats(now)
            beat += _S
        mouth.say(due)
        heard += ear.hear(_TICK_S)
    mouth.say(sorted(waiting, key=lambda one: one.wall_ns))
    for _ in range(60):
        mouth.say(heartbeats(time_ns()))
        heard += ear.hear(0.1)
    return began, heard


def _rows(limit: float, began: dict[str, tuple[int, Kind]], heard: Sequence[Arrival]) -> list[Row]:
    rules, scores = _delays(heard, began, "theft", EFFECT_NS), _delays(heard, began, "odd", REPLY_NS)
    kinds = Counter(kind for _, kind in began.values())
    if not rules or not scores:
        raise BenchError(f"{len(rules)} findings by rules and {len(scores)} by score", "run it by hand", code="B01")
    return [
        Row(name="one worker gets through, both stages", value=limit, unit="calls/s"),
        Row(name="thefts found", value=100 * len(rules) / kinds["theft"], unit="%", at_least=100.0),
        Row(name="odd turns found", value=100 * len(scores) / kinds["odd"], unit="%", at_least=100.0),
        *_spread("rule", rules, _RULE_S),
        *_spread("score", scores, _SCORE_S),
    ]


def _delays(
    heard: Sequence[Arrival], began: Mapping[str, tuple[int, Kind]], wanted: Kind, event_ns: int
) -> list[float]:
    """Seconds from the event that makes a turn of this kind a finding to the first one that says so."""
    first = {one.turn: one.at_ns for one in reversed(heard) if wanted in one.by}
    turns = [(turn, at) for turn, (at, kind) in began.items() if kind == wanted and turn in first]
    return [(first[turn] - at - event_ns) / _S for turn, at in turns]


def _spread(name: str, seconds: Sequence[float], bar: float) -> list[Row]:
    """Median, p99 with its bar, and the histogram."""
    within = [
        Row(name=f"{name}: within {edge:g} s", value=100 * sum(one <= edge for one in seconds) / len(seconds), unit="%")
        for edge in _EDGES_S
    ]
    return [
        Row(name=f"{name}: event to finding, p50", value=percentile(seconds, 0.5), unit="s"),
        Row(name=f"{name}: event to finding, p99", value=percentile(seconds, 0.99), unit="s", at_most=bar),
        *within,
    ]


if __name__ == "__main__":
    sys.exit(main("latency", measure, packages=("faust-streaming", "aiokafka", "confluent-kafka", "redis")))
