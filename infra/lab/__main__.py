"""`make lab`: collect a labelled data set of all three layers, and measure what each of them finds.

python -m triptych.infra.lab [all|collect|score|sample] [--quick] [--folder DIR] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from ...models.errors import TriptychError
from . import report, sample
from .collect import Amount, collect
from .figures import evaluate
from .score import judge_all, split
from .stories import load
from .turns import labelled

__all__ = ["main"]

_HERE = Path(__file__).parent
_FOLDER = Path(".triptych") / "lab"
_QUICK_SESSIONS, _EVERY = 96, 6  # and every sixth story
_WIDE = 110
_SAMPLED = 84  # sessions; half of them teach
_BAR = ("score", "both")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when three layers together find more than any fewer, 1 when they do not, 2 when it could not be measured."""
    given = _parser().parse_args(arguments)
    notes = Console(stderr=True)
    folder = given.folder / ("quick" if given.quick else f"seed-{given.seed}")
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
    shutil.rmtree(folder, ignore_errors=True)
    stories = load()
    if given.quick:
        collect(folder, Amount(sessions=_QUICK_SESSIONS, rounds=1, seed=given.seed), stories[::_EVERY], tell)
    else:
        collect(folder, Amount(sessions=given.sessions, rounds=given.rounds, seed=given.seed), stories, tell)
    shutil.copy(_HERE / "datasheet.md", folder)


def _score(folder: Path, given: argparse.Namespace, tell: Callable[[str], None]) -> int:
    tell("joining the recording")
    parts = split(labelled(folder))
    evaluation = evaluate(judge_all(parts, seeds=range(given.forests), tell=tell))
    about = json.loads((folder / "about.json").read_text())
    (folder / "result.json").write_text(report.record(evaluation, about))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(report.table(evaluation))
    print(report.markdown(evaluation).rpartition("\n")[2])
    if given.record:
        (_HERE / "results" / "lab.json").write_text(report.record(evaluation, about))
        report.into(_HERE / "README.md", evaluation)
    return 0 if given.quick or all(map(evaluation.holds, _BAR)) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="What does each layer find?", allow_abbrev=False)
    parser.add_argument("step", nargs="?", choices=("all", "collect", "score", "sample"), default="all")
    parser.add_argument("--quick", action="store_true", help="few sessions and stories: shows that it works")
    parser.add_argument("--folder", type=Path, default=_FOLDER, metavar="DIR", help="where data sets go")
    parser.add_argument("--seed", type=int, default=1, help="another seed asks for other things")
    parser.add_argument("--sessions", type=int, default=420, help="harmless sessions")
    parser.add_argument("--rounds", type=int, default=2, help="how often every story is played in every form")
    parser.add_argument("--forests", type=int, default=1, help="seeds of the forest to average over")
    parser.add_argument("--record", action="store_true", help="keep the result in results/ and the README")
    return parser


if __name__ == "__main__":
    sys.exit(main())
