"""`make bench-sensor`: what watching costs, beside bpftrace, auditd and strace, in turns of one run; and how much the
sensor can take. Needs root."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ....models.errors import ConfigError
from ....producers.sensor.probe import require
from ..report import Row
from ..rounds import interleaved
from ..run import Measured, Plan, main
from . import page, tracers
from .flood import flood
from .rows import NONE, UNWATCHED, WATCHED, Turn, flood_rows, rows
from .tracers import Tracer
from .work import Work, Workshop

__all__ = ["measure"]

_PARTS = ("", "cost", "flood")
_Contender = Callable[[Path], AbstractContextManager[Tracer]]
_OTHERS: Mapping[str, _Contender] = {
    "bpftrace": tracers.bpftrace,
    "auditd": tracers.auditd,
    "strace": tracers.strace,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """How much of everything."""

    rounds: int
    loops: int
    opens: int
    flood: int


_WHOLE = _Size(rounds=5, loops=100_000, opens=20_000, flood=300_000)
_QUICK = _Size(rounds=1, loops=20_000, opens=2_000, flood=20_000)


def measure(plan: Plan) -> Measured:
    """Both parts, or the one that was asked for. Raises SensorUnavailable, BenchError or ConfigError."""
    if plan.only not in _PARTS:
        raise ConfigError(f"there is no part {plan.only!r}", "choose cost or flood")
    require()
    size = _QUICK if plan.quick else _WHOLE
    lacks = {name: lack for name in _OTHERS if (lack := tracers.lacking(name))}
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        workshop = Workshop(Path(folder))
        if plan.only != "flood":
            found += _cost(plan, size, workshop, Path(folder), [name for name in _OTHERS if name not in lacks])
        if plan.only != "cost":
            found += _floods(plan, size, workshop, Path(folder))
    remarks = [f"{name}: {lack}" for name, lack in lacks.items()]
    if not (plan.quick or plan.only or remarks):
        page.write(found)
    return Measured(rows=found, remarks=remarks)


def _cost(plan: Plan, size: _Size, workshop: Workshop, folder: Path, others: list[str]) -> list[Row]:
    works = [
        workshop.loop("getppid", size.loops),
        workshop.loop("read", size.loops),
        workshop.loop("open", size.opens, calls=2),
        workshop.find,
        workshop.compile,
    ]
    contenders: dict[str, _Contender] = {
        NONE: tracers.nothing,
        UNWATCHED: partial(tracers.sensor, watched=False),
        WATCHED: partial(tracers.sensor, watched=True),
        **{name: _OTHERS[name] for name in others},
    }
    turns = {name: partial(_turn, tracer, works, workshop, folder) for name, tracer in contenders.items()}
    return rows(interleaved(turns, size.rounds, plan.tell), {work.name: work.calls for work in works})


def _turn(tracer: _Contender, works: list[Work], workshop: Workshop, folder: Path) -> Turn:
    with tracer(folder) as tracing:
        took = {work.name: workshop.run(work, tracing.prefix, tracing.before).each_ns for work in works}
        return Turn(took, tracing.rss)


def _floods(plan: Plan, size: _Size, workshop: Workshop, folder: Path) -> list[Row]:
    found: list[Row] = []
    for name, work, stalled in (
        ("running reader, one file", workshop.loop("open", size.flood), False),
        ("running reader, 1,000 files", workshop.loop("files", size.flood), False),
        ("running reader, every name another", workshop.loop("names", size.flood), False),
        ("stalled reader, 1,000 files", workshop.loop("files", size.flood), True),
    ):
        plan.tell(name)
        found += flood_rows(name, flood(workshop, work, folder, stalled=stalled))
    return found


if __name__ == "__main__":
    sys.exit(main("sensor", measure))
