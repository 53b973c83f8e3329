"""`make bench-streams`: stage 1 beside a bare client, stock Faust and Quix Streams, per CPU second on one core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ....models.errors import ConfigError
from ... import brokers
from ...settings import Kafka
from ..errors import BenchError
from ..gateway.compiled import COMPILED, compiled
from ..report import Row
from ..rounds import interleaved
from ..run import Measured, Plan, main
from . import rows
from .contenders import BARE, CORE, QUIX, STOCK, calls_per_cpu_second, quixstreams
from .filling import Mix, made
from .ours import us_per_call
from .traffic import EFFECTS, NOISE

__all__ = ["measure"]

_PARTS = ("", "calls", "noise", "memory")
_PARTITIONS = 4
_PATIENCE_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """Calls of each mix, rounds, calls for the memory of one; of the hour calls a second, and seconds."""

    calls: int
    noisy: int
    rounds: int
    remembered: int
    rate: int
    seconds: int


_WHOLE = _Size(calls=16_000, noisy=4_000, rounds=5, remembered=10_000, rate=64, seconds=3_600)
_QUICK = _Size(calls=2_000, noisy=500, rounds=1, remembered=1_000, rate=4, seconds=120)


def measure(plan: Plan) -> Measured:
    """Both mixes of traffic and memory, or the part that was asked for."""
    if plan.only not in _PARTS:
        raise ConfigError(f"there is no part {plan.only!r}", "choose calls, noise or memory")
    if not plan.quick:
        quixstreams.install(plan.tell)
    build = compiled(plan.tell, build=not plan.quick)
    parts: dict[str, Callable[[], list[Row]]] = {
        "calls": partial(_calls, plan, build),
        "noise": partial(_noise, plan, build),
        "memory": partial(_memory, plan, build),
    }
    with _off_the_core():
        found = [row for name, part in parts.items() if plan.only in ("", name) for row in part()]
    absent = [] if quixstreams.current else ["quixstreams (not installed)"]
    ran = COMPILED if build else "Python"
    return Measured(rows=found, versions={"stage 1": ran, "quixstreams": quixstreams.version}, remarks=absent)


def _size(plan: Plan) -> _Size:
    return _QUICK if plan.quick else _WHOLE


def _calls(plan: Plan, build: Path | None) -> list[Row]:
    size = _size(plan)
    with _backlog(plan, size.calls, noise=0) as (mix, folder):
        contenders = {name: partial(_other, name, mix) for name in (BARE, STOCK)}
        if quixstreams.current:
            contenders[QUIX] = partial(_other, QUIX, mix)
        contenders[rows.OURS] = partial(_ours, mix, folder, build)
        contenders[rows.TWO] = partial(_ours, mix, folder, build, workers=2)
        if build:
            contenders[rows.PURE] = partial(_ours, mix, folder, None)
        return list(rows.calls(interleaved(_telling(contenders, plan), size.rounds, plan.tell)))


def _noise(plan: Plan, build: Path | None) -> list[Row]:
    size = _size(plan)
    with _backlog(plan, size.noisy, noise=NOISE) as (mix, folder):
        contenders = {BARE: partial(_other, BARE, mix), rows.OURS: partial(_ours, mix, folder, build)}
        return list(rows.noise(interleaved(_telling(contenders, plan), size.rounds, plan.tell)))


def _telling(contenders: Mapping[str, Callable[[], float]], plan: Plan) -> dict[str, Callable[[], float]]:
    """The same, each telling its figure at once: a round that fails takes no other's with it."""

    def told(name: str, measured: Callable[[], float]) -> float:
        figure = measured()
        plan.tell(f"{name}: {figure:.0f} calls/CPU s")
        return figure

    return {name: partial(told, name, measured) for name, measured in contenders.items()}


@contextmanager
def _backlog(plan: Plan, number: int, noise: int) -> Iterator[tuple[Mix, Path]]:
    """A real Kafka with that many calls on its topics, and a folder for logs."""
    kafka = Kafka(provider="local", partitions=_PARTITIONS)
    with brokers.start(kafka) as broker, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield made(broker, _PARTITIONS, number, noise, plan.tell), Path(folder)


def _other(name: str, mix: Mix) -> float:
    return calls_per_cpu_second(name, mix)


def _ours(mix: Mix, folder: Path, build: Path | None, workers: int = 1) -> float:
    return 1e6 / us_per_call(mix, folder, build=build, workers=workers)


def _memory(plan: Plan, build: Path | None) -> list[Row]:
    size = _size(plan)
    plan.tell("memory of calls")
    opened, closed = (_remembered(build, what, size.remembered) for what in ("open", "closed"))
    plan.tell("memory of turns")
    turns, over = (_remembered(build, what, size.remembered // 8) for what in ("open-turns", "closed-turns"))
    plan.tell("an hour of event time")
    third, last = _remembered(build, "hour", size.rate, size.seconds)
    return [
        Row(name="memory of an open call", value=opened, unit="KiB"),
        Row(name="memory of 100,000 effects of closed calls", value=closed * 100_000 / EFFECTS / 1024, unit="MB"),
        Row(name="memory of an open turn of four calls", value=turns, unit="KiB"),
        Row(name="memory of a closed one", value=over, unit="KiB"),
        Row(name="after an hour", value=last, unit="MB"),
        Row(name="last quarter of an hour over the one before", value=last / third, unit="times", at_most=1.05),
    ]


def _remembered(build: Path | None, *words: object) -> Any:
    environment = dict(os.environ) | ({"PYTHONPATH": str(build)} if build else {})
    argv = (sys.executable, "-m", f"{rows.__package__}.memory", *map(str, words))
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_PATIENCE_S, env=environment)
    if done.returncode:
        raise BenchError(f"memory: {done.stderr[-300:]}", "run it by hand", code="B01")
    return json.loads(done.stdout)


@contextmanager
def _off_the_core() -> Iterator[None]:
    """Ourselves and the broker on other cores than what is measured, where there are some."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before - {CORE} or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


if __name__ == "__main__":
    sys.exit(main("streams", measure, packages=("faust-streaming", "aiokafka", "confluent-kafka", "fastavro")))
