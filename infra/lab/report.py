"""The tables of an evaluation: for the terminal, as JSON for the record, and for the README."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from .assess import Assessment
from .figures import WAYS, Evaluation, Share
from .shipped import Shipped

__all__ = ["MARKS", "into", "markdown", "record", "table"]

MARKS = ("<!-- lab -->", "<!-- /lab -->")
_HEADINGS = {"score": "by score", "rules": "by rules", "both": "by both"}


def table(evaluation: Evaluation) -> Table:
    """One row for each set of layers."""
    shown = Table(title="attacks found at 1 % of harmless turns", title_justify="left")
    shown.add_column("layers")
    for way in WAYS:
        shown.add_column(_HEADINGS[way], justify="right")
    for name, shares in evaluation.shares.items():
        style = "bold" if name == "all three" else None
        shown.add_row(name, *(_shown(shares[way], way) for way in WAYS), style=style)
    return shown


def _shown(share: Share, way: str) -> str:
    told = f"{100 * share.value:.0f} % ({100 * share.low:.0f}-{100 * share.high:.0f})"
    return f"{told}, harmless {100 * share.harmless:.1f} %" if way == "rules" else told


def record(assessed: Assessment, about: Mapping[str, Any]) -> str:
    """Everything, as JSON."""
    evaluation = assessed.evaluation
    bars = {way: {"holds": evaluation.holds(way), "best_without": evaluation.best_without(way)} for way in WAYS}
    told = asdict(evaluation) | {"invisible": evaluation.invisible, "three_layers_beat_fewer": bars}
    told |= {name: value for name, value in asdict(assessed).items() if name != "evaluation"}
    return json.dumps({"about": dict(about), **_rounded(told)}, indent=1) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


def markdown(assessed: Assessment) -> str:
    """The tables, and what stays invisible by name."""
    evaluation = assessed.evaluation
    parts = [_layers(assessed), _stories(evaluation), [_invisible(evaluation)], _variations(assessed)]
    return "\n\n".join("\n".join(part) for part in parts if part)


def into(readme: Path, assessed: Assessment) -> None:
    """Write the tables where the marks stand."""
    before, _, rest = readme.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    readme.write_text(f"{before}{MARKS[0]}\n{markdown(assessed)}\n{MARKS[1]}{after}")


def _layers(assessed: Assessment) -> list[str]:
    evaluation, held_out = assessed.evaluation, assessed.held_out
    turns = evaluation.turns
    told = f"{turns['attacks']} attacks, {turns['harmless']} harmless turns with {assessed.calls} calls judged:"
    heads = ["layers", "by score", "by rules", "by both", *(["by both, family held out"] if held_out else [])]
    lines = [told, "", f"| {' | '.join(heads)} |", f"| {' | '.join(['---'] * len(heads))} |"]
    for name, shares in evaluation.shares.items():
        cells = [_shown(shares[way], way) for way in WAYS]
        cells += [_shown(held_out[name]["both"], "both")] if held_out else []
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _variations(assessed: Assessment) -> list[str]:
    return [f"- {line}" for line in (*_shipped(assessed.shipped), *_grown(assessed), *_poisoned(assessed))]


def _shipped(shipped: Shipped | None) -> Iterator[str]:
    if shipped is None:
        return
    late = shipped.late
    yield (
        f"As it ships, learning from the first minute: {100 * shipped.share(loud=False):.0f} % of the attacks found "
        f"({100 * shipped.share(loud=True):.0f} % with severity high or above); false findings in 1,000 honest calls: "
        f"{late.in_thousand(late.findings):.1f} ({late.in_thousand(late.loud):.1f} high or above); in the first half, "
        f"where everything was new, {shipped.early.in_thousand(shipped.early.findings):.1f}."
    )
    if calls := shipped.quantiles("calls"):
        seconds = shipped.quantiles("seconds")
        yield (
            f"From the attacker's first act to the finding: {calls[0]:.0f} calls and {seconds[0]:.1f} s at the median, "
            f"{calls[1]:.0f} calls and {seconds[1]:.1f} s for nine in ten."
        )


def _grown(assessed: Assessment) -> Iterator[str]:
    if assessed.grown:
        points = ", ".join(f"{100 * one.by_both:.0f} % after {one.sessions}" for one in assessed.grown)
        yield f"Cold start, by both: {points} honest sessions."


def _poisoned(assessed: Assessment) -> Iterator[str]:
    if assessed.poisoned:
        before, after = (sum(getattr(one, name) for one in assessed.poisoned) for name in ("clean", "after"))
        count = len(assessed.poisoned)
        yield (
            f"One principal repeats an attack in 1 % of the sessions, one story of {count} families: "
            f"{100 * after / count:.0f} % of its tries are still found, {100 * before / count:.0f} % before."
        )


def _stories(evaluation: Evaluation) -> Iterator[str]:
    pairs = [name for name in evaluation.shares if " + " in name]
    yield f"| story | family | all three | {' | '.join(pairs)} | rules |"
    yield f"| --- | --- | --- | {'--- | ' * len(pairs)}--- |"
    for story in evaluation.stories:
        forms = ", ".join(f"{form} {100 * share:.0f}" for form, share in story.forms.items())
        shares = " | ".join(f"{100 * story.by[name]:.0f}" for name in pairs)
        yield f"| {story.name} | {story.family} | {forms} | {shares} | {', '.join(story.rules)} |"


def _invisible(evaluation: Evaluation) -> str:
    names = ", ".join(evaluation.invisible) or "none"
    partly = [story.name for story in evaluation.stories if 0 < story.share < 0.5]
    return f"Invisible in every form: {names}. Found in fewer than half of the tries: {', '.join(partly) or 'none'}."
