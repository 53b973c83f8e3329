"""`make conformance`: the suite directly and through the gateway, both sets and their difference; exit 1 on one."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ...models.errors import TriptychError
from . import peers, report, suite
from .scenarios import Half, Scenario, scenarios

__all__ = ["main"]

_HALVES: tuple[Half, ...] = ("server", "client")
_WIDTH = 110  # in a log: no name is cut
_AT_ONCE = 2  # a client scenario starts a Node, a Python and a gateway


def main(argv: Sequence[str] | None = None) -> int:
    """Compare what is asked for, by default all. 1 when a scenario differs, 2 when the suite cannot run."""
    parser = argparse.ArgumentParser(prog="python -m triptych.infra.conformance", description=main.__doc__)
    parser.add_argument("--revision", action="append", choices=suite.REVISIONS, help="only this; may be repeated")
    parser.add_argument("--only", choices=_HALVES, help="only this half of the suite")
    given = parser.parse_args(argv)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    try:
        peers.install(lambda line: console.print(line, style="dim"))
        compared = [
            scenario
            for revision in given.revision or suite.REVISIONS
            for half in ([given.only] if given.only else _HALVES)
            for scenario in _compared(console, half, revision)
        ]
    except TriptychError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2
    console.print(report.summary(compared))
    return int(any(scenario.verdict == "different" for scenario in compared))


def _compared(console: Console, half: Half, revision: str) -> list[Scenario]:
    began = time.monotonic()
    title = f"{half} scenarios of {revision}"
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:
        task = progress.add_task(title, total=None)
        with scenarios(half, revision) as found:
            progress.update(task, total=len(found))
            for _ in pool.map(Scenario.compare, found):
                progress.advance(task)
    console.print(report.table(found, f"{title} ({time.monotonic() - began:.0f} s)"))
    return found


if __name__ == "__main__":
    sys.exit(main())
