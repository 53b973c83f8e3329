"""`make lab`: collect a labelled data set of all three layers, and measure what each of them finds.

python -m triptych.infra.lab [all|collect|score|sample] [--quick] [--folder DIR] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from ...models.errors import TriptychError
from .. import logs
from ..bench.run import RESULTS
from . import report, sample
from .assess import assess
from .collect import Amount, collect
from .stories import load
from .turns import labelled

__all__ = ["RECORD", "main"]

_HERE = Path(__file__).parent
_FOLDER = Path(".triptych") / "lab"
_QUICK_SESSIONS, _EVERY = 96, 6  # and every sixth story
_WIDE = 110
_SAMPLED = 84  # sessions; half of them teach
_BAR = ("score", "both")
RECORD = RESULTS / "lab.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when three layers together find more than any fewer, 1 when they do not, 2 when it could not be measured."""
    given = _parser().parse_args(arguments)
    logs.configure("lab", least=logging.ERROR)
    notes = Console(stderr=True)
    folder = given.data or given.folder / ("quick" if given.quick else f"seed-{given.seed}")
    try:
        with notes.status("") as status:
            tell: Callable[[str], None] = status.update if notes.is_terminal else notes.print
            if given.step in {"all", "collect"}:
                _collect(folder, given, tell)
            if given.step == "sample":
                sample.write(sample.chosen(labelled(folder), _SAMPLED), given.folder / "sample")
            return _score(folder, given, tell) if given.step in {"all", "score"} else 0
    except TriptychError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2


def _collect(folder: Path, given: argparse.Namespace, tell: Callable[[str], None]) -> None:
    scenario = load(*given.stories)
    shutil.rmtree(folder, ignore_errors=True)
    amount = Amount(sessions=given.sessions, rounds=given.rounds, seed=given.seed)
    if given.quick:
        amount = Amount(sessions=_QUICK_SESSIONS, seed=given.seed)
        scenario = replace(scenario, stories=(*load().stories[::_EVERY], *scenario.stories[len(load().stories) :]))
    collect(folder, amount, scenario, tell)
    shutil.copy(_HERE / "datasheet.md", folder)


def _score(folder: Path, given: argparse.Namespace, tell: Callable[[str], None]) -> int:
    stories = load(*given.stories).stories
    assessed = assess(folder, stories, range(given.forests), tell, whole=given.whole)
    about = json.loads((folder / "about.json").read_text())
    (folder / "result.json").write_text(report.record(assessed, about))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(report.table(assessed.evaluation))
    print("".join(report.markdown(assessed).partition("Invisible")[1:]))
    if given.record:
        RECORD.write_text(report.record(assessed, about))
        report.into(_HERE / "README.md", assessed)
    return 0 if given.quick or all(map(assessed.evaluation.holds, _BAR)) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="What does each layer find?", allow_abbrev=False)
    parser.add_argument("step", nargs="?", choices=("all", "collect", "score", "sample"), default="all")
    parser.add_argument("--quick", action="store_true", help="few sessions and stories: shows that it works")
    parser.add_argument("--folder", type=Path, default=_FOLDER, metavar="DIR", help="where data sets go")
    parser.add_argument("--data", type=Path, metavar="DIR", help="score this data set, whoever made it")
    parser.add_argument("--stories", type=Path, nargs="*", default=(), metavar="FILE", help="more stories, of your own")
    parser.add_argument("--seed", type=int, default=1, help="another seed asks for other things")
    parser.add_argument("--sessions", type=int, default=420, help="harmless sessions")
    parser.add_argument("--rounds", type=int, default=1, help="how often every story is played in every form")
    parser.add_argument("--forests", type=int, default=1, help="seeds of the forest to average over")
    parser.add_argument("--whole", action="store_true", help="cold start, poisoning, families held out, as it ships")
    parser.add_argument("--record", action="store_true", help="keep the result in bench/results/ and the README")
    return parser


if __name__ == "__main__":
    sys.exit(main())
