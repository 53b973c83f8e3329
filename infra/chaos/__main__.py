"""`make chaos`: scenario after scenario on three real brokers, a real Redis and real workers, each with its control."""

from __future__ import annotations

import logging
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...models.errors import ConfigError
from .. import brokers, logs
from ..bench.report import Row
from ..bench.run import Measured, Plan, main
from ..kafka.cluster import Cluster
from .broker import Broker
from .scenarios import SCENARIOS, Scenario
from .scene import Outcome, Scene, play
from .store import Redis
from .truth import KINDS
from .workers import Workers

__all__ = ["measure"]

_PARTITIONS = 4
_SEED = 20
_CLEARLY = 3  # of one loss in a control nobody would know whether it is chance


def measure(plan: Plan) -> Measured:
    """Rows of losses. Raises ConfigError for a scenario that is none."""
    if plan.only and plan.only not in SCENARIOS:
        raise ConfigError(f"there is no scenario {plan.only!r}", f"one of {', '.join(SCENARIOS)}")
    names = [plan.only] if plan.only else list(SCENARIOS)
    plan.tell("starting three brokers")
    rows: list[Row] = []
    with (
        brokers.cluster(_PARTITIONS) as cluster,
        tempfile.TemporaryDirectory(prefix="triptych-chaos-") as root,
    ):
        for name in names:
            scenario = SCENARIOS[name]
            plan.tell(f"{name}: {scenario.says}")
            kept = _run(cluster, Path(root) / name, name, scenario, scenario.few if plan.quick else scenario.slices)
            for remark in (*kept.losses.differences, *kept.ended):
                plan.tell(f"{name}: {remark}")
            rows += _kept(name, scenario, kept)
            plan.tell(f"{name}, control: {scenario.control.says}")
            broken = _run(cluster, Path(root) / f"{name}-control", name, scenario, scenario.few, control=True)
            plan.tell(f"{name}, control: {broken.losses.total} lost")
            says, total = f"{name}, control: {scenario.control.says}", broken.losses.total
            rows.append(Row(name=says, value=total, unit="lost", at_least=_CLEARLY))
    return Measured(rows=rows)


def _run(
    cluster: Cluster, folder: Path, name: str, scenario: Scenario, slices: int, *, control: bool = False
) -> Outcome:
    folder.mkdir()
    group = folder.name
    store = Redis(folder, durable=scenario.control.durable or not control)
    fault = scenario.control.fault if control else ""
    workers = Workers(cluster.bootstrap, store.url, group, folder, fault, scenario.fixed, scenario.turn_gap_s)
    broker = Broker(cluster.bootstrap, group)
    scene = Scene(cluster, broker, store, workers, random.Random(f"{name}/{_SEED}"))  # noqa: S311  moments, no secrets
    return play(scene, scenario.disturb, slices, bare=scenario.bare, judged=scenario.judged)


def _kept(name: str, scenario: Scenario, outcome: Outcome) -> Iterator[Row]:
    losses = outcome.losses
    yield Row(name=f"{name}: {scenario.says}", value=outcome.strikes, unit="times", at_least=1)
    for kind in KINDS:
        yield Row(name=f"{name}: {kind} told", value=len(outcome.expected.of(kind)), unit="", at_least=1)
        yield Row(name=f"{name}: {kind} missing", value=len(losses.missing[kind]), unit="", at_most=0)
        yield Row(name=f"{name}: {kind} that differ", value=len(losses.changed[kind]), unit="", at_most=0)
        yield Row(name=f"{name}: {kind} that should not be", value=len(losses.foreign[kind]), unit="", at_most=0)
    figures = {
        "learned sessions missing": losses.sessions_missing,
        "dead letters too many or few": losses.buried_wrong,
        "unfinished": int(not outcome.settled),
    }
    for what, value in figures.items():
        yield Row(name=f"{name}: {what}", value=value, unit="", at_most=0)
    yield Row(
        name=f"{name}: effects of calls told as background too",
        value=len(losses.outside),
        unit="records",
        at_most=None if scenario.bare else 0,
    )
    yield Row(name=f"{name}: longest that a call was held up", value=outcome.held_up_s, unit="s")
    yield Row(name=f"{name}: records told again", value=outcome.repeated, unit="")
    yield Row(name=f"{name}: workers that ended by themselves", value=len(outcome.ended), unit="")


if __name__ == "__main__":
    logs.configure("chaos", least=logging.ERROR)
    sys.exit(main("chaos", measure))
