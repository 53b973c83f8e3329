"""The measured tables into the sensor's README, between their markers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from .judge import METHODS, Run, Score, score
from .rows import Case

__all__ = ["markdown", "write"]

_README = Path(__file__).resolve().parents[3] / "producers" / "sensor" / "README.md"
_MARKERS = "<!-- bench-attribution -->\n", "<!-- /bench-attribution -->\n"
_LEVELS = ("exact", "cooperative", "lineage", "window", "candidates", "none")
_OURS = ("effects", "precision", "recall", *_LEVELS, "wrong `exact`")
_OWN, *_NAIVE = METHODS


def write(runs: Mapping[Case, Run], file: Path = _README) -> None:
    """Replace what stands between the markers of `file`."""
    begin, end = _MARKERS
    before, rest = file.read_text().split(begin, 1)
    file.write_text(before + begin + markdown(runs) + end + rest.split(end, 1)[1])


def markdown(runs: Mapping[Case, Run]) -> str:
    """A table of the cases beside what the naive joins make of them, and one of the ways to act by mode."""
    naive = [f"{method}: {figure}" for method in _NAIVE for figure in ("precision", "recall")]
    cases = _table(("calls", "server", "in flight", *_OURS, *naive), _by_case(runs))
    return cases + "\n" + _table(("calls", "way to act", *_OURS), _by_tool(runs))


def _table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, ["---"] * len(headings), *lines))


def _by_case(runs: Mapping[Case, Run]) -> Iterator[Sequence[str]]:
    for case, run in runs.items():
        naive = [score([run], method) for method in _NAIVE]
        others = [_percent(figure) for found in naive for figure in (found.precision, found.recall)]
        yield case.mode, case.server, str(case.in_flight), *_figures(score([run], _OWN)), *others


def _by_tool(runs: Mapping[Case, Run]) -> Iterator[Sequence[str]]:
    """Of the servers that are ours: those of others have one way each."""
    for mode in dict.fromkeys(case.mode for case in runs):
        chosen = [(case.server, run) for case, run in runs.items() if case.mode == mode]
        for tool in sorted({one.tool for server, run in chosen for one in run.effects if one.tool != server}):
            yield mode, tool, *_figures(score([run for _, run in chosen], _OWN, [tool]))


def _figures(found: Score) -> Iterator[str]:
    yield from (str(found.effects), _percent(found.precision), _percent(found.recall))
    yield from (_percent(found.share(level)) for level in _LEVELS)
    yield str(found.wrong["exact"])


def _percent(value: float) -> str:
    return f"{value:.0f} %" if value in (0, 100) else f"{value:.1f} %"
