"""`make bench-detection`: the score on AgentDojo and on the lab, with tables, plots and a page of both.

python -m triptych.infra.bench.detection [--agentdojo FILE] [--lab DIR] [--quick] [--only PART]
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ....models.errors import ConfigError
from ... import logs
from ...lab import report
from ...lab.assess import Assessment, assess
from ...lab.stories import load
from ..report import Row
from ..run import RESULTS, Measured, Plan
from ..run import main as run
from . import page
from .measure import measure

__all__ = ["main"]

_COLLECTED = Path(".triptych") / "lab"
_LAB = "lab"


def main() -> int:
    """0 when every bar holds, 1 when one is missed, 2 when it could not be measured."""
    given, rest = _parser().parse_known_args()
    logs.configure("bench-detection", least=logging.ERROR)
    results = given.results
    status = run(
        "detection",
        partial(_measure, agentdojo=given.agentdojo, lab=given.lab or _collected(), results=results),
        packages=["numpy", "scikit-learn"],
        argv=[*rest, "--results", str(results)],
    )
    if status == 2:
        return status
    records = [page.read(results / name) for name in ("detection.json", "lab.json")]
    print(f"page: {page.write(results, *records)}")
    return status


def _measure(plan: Plan, agentdojo: Path | None, lab: Path | None, results: Path) -> Measured:
    rows: list[Row] = []
    remarks: list[str] = []
    if agentdojo is None and plan.only not in {"", _LAB}:
        raise ConfigError(f"{plan.only!r} is no part of the lab", "--agentdojo FILE brings parts of its own")
    if agentdojo is None:
        remarks.append("AgentDojo: make bench-detection AGENTDOJO=FILE")
    elif plan.only != _LAB:
        rows += measure(plan, agentdojo).rows
    if lab is None:
        remarks.append("the lab: make lab collects it")
    elif plan.only in {"", _LAB}:
        rows += _lab(plan, lab, results)
    return Measured(rows=rows, remarks=remarks)


def _lab(plan: Plan, folder: Path, results: Path) -> Iterator[Row]:
    assessed = assess(folder, load().stories, (0,), plan.tell, whole=not plan.quick)
    if not plan.quick:
        about = json.loads((folder / "about.json").read_text())
        (results / "lab.json").write_text(report.record(assessed, about))
    yield from _rows(assessed)


def _rows(assessed: Assessment) -> Iterator[Row]:
    evaluation = assessed.evaluation
    for way in ("score", "both"):
        fewer, bar = evaluation.best_without(way)
        whole = evaluation.shares["all three"][way]
        # more than any fewer find: equal is short
        yield Row(name=f"lab, by {way}: found by three layers", value=whole.value, unit="", at_least=bar + 1e-6)
        yield Row(name="  95 % interval by story, from", value=whole.low, unit="")
        yield Row(name="  to", value=whole.high, unit="")
        yield Row(name=f"  the best of fewer layers, {fewer}", value=bar, unit="")
        false = assessed.false_in_thousand(whole.harmless)
        yield Row(name="  false findings", value=false, unit="in 1,000 calls")
    if assessed.held_out:
        value = assessed.held_out["all three"]["both"].value
        yield Row(name="lab, families and their work held out: found by three layers", value=value, unit="")
    if shipped := assessed.shipped:
        yield Row(name="lab, as it ships: attacks found", value=shipped.share(loud=False), unit="")
        false = shipped.late.in_thousand(shipped.late.findings)
        yield Row(name="  false findings", value=false, unit="in 1,000 calls")
        for name, value in zip(("median", "nine in ten"), shipped.quantiles("seconds"), strict=False):
            yield Row(name=f"  first act to finding, {name}", value=value, unit="s")


def _collected() -> Path | None:
    """The newest data set of the lab that is whole."""
    found = sorted(_COLLECTED.glob("seed-*/about.json"), key=lambda file: file.stat().st_mtime)
    return found[-1].parent if found else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench-detection", add_help=False, allow_abbrev=False)
    parser.add_argument("--agentdojo", type=Path, metavar="FILE", help="extract of AgentDojo runs")
    parser.add_argument("--lab", type=Path, metavar="DIR", help="data set of the lab, else the newest collected")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR")
    return parser


if __name__ == "__main__":
    sys.exit(main())
