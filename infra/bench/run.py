"""The way every benchmark goes: measure with progress, show the table, keep the record, fail where a bar is missed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from ...models.errors import TriptychError
from .machine import machine, versions
from .report import Report, Row

__all__ = ["RESULTS", "Measure", "Measured", "Plan", "main"]

_WIDTH = 100  # of a table that goes into a file
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the person asked for. `tell` shows where the run is."""

    quick: bool
    only: str  # one part of the benchmark, empty for all
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`versions` of whatever stands outside this environment; `remarks` on what could not be measured here."""

    rows: Sequence[Row]
    versions: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()


Measure = Callable[[Plan], Measured]


def main(name: str, measure: Measure, *, packages: Sequence[str] = (), argv: Sequence[str] | None = None) -> int:
    """Run one benchmark: 0 when every bar holds, 1 when one is missed, 2 when it could not be measured."""
    given = _parser(name).parse_args(argv)
    notes = Console(stderr=True)
    facts = machine()
    try:
        measured = _watched(measure, given, notes)
    except TriptychError as error:
        print(f"bench-{name}: {error}", file=sys.stderr)
        return 2
    found = {**versions(packages), **measured.versions}
    report = Report(name=name, machine=facts, versions=found, rows=measured.rows)
    # only whole runs are for the record
    partial = given.quick or given.only or measured.remarks
    report.write(given.results / (f"{name}.local.json" if partial else f"{name}.json"))
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(report.table())
    for remark in measured.remarks:
        notes.print(f"not measured: {remark}", style="yellow")
    return 1 if report.short else 0


def _watched(measure: Measure, given: argparse.Namespace, notes: Console) -> Measured:
    if not notes.is_terminal:
        return measure(Plan(quick=given.quick, only=given.only, tell=lambda text: notes.print(text, highlight=False)))
    with notes.status("") as status:
        return measure(Plan(quick=given.quick, only=given.only, tell=status.update))


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"bench-{name}", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="few calls: shows that it works, proves no bar")
    parser.add_argument("--only", default="", metavar="PART", help="one part of the benchmark")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="where the record goes")
    return parser
