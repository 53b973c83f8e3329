"""The tables of an evaluation: for the terminal, as JSON for the record, and for the README."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from .figures import WAYS, Evaluation, Share

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


def record(evaluation: Evaluation, about: Mapping[str, Any]) -> str:
    """Everything, as JSON."""
    bars = {way: {"holds": evaluation.holds(way), "best_without": evaluation.best_without(way)} for way in WAYS}
    told = asdict(evaluation) | {"invisible": evaluation.invisible, "three_layers_beat_fewer": bars}
    return json.dumps({"about": dict(about), **_rounded(told)}, indent=1) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


def markdown(evaluation: Evaluation) -> str:
    """Both tables, and what stays invisible by name."""
    return "\n".join([*_layers(evaluation), "", *_stories(evaluation), "", _invisible(evaluation)])


def into(readme: Path, evaluation: Evaluation) -> None:
    """Write the tables where the marks stand."""
    before, _, rest = readme.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    readme.write_text(f"{before}{MARKS[0]}\n{markdown(evaluation)}\n{MARKS[1]}{after}")


def _layers(evaluation: Evaluation) -> Iterator[str]:
    yield f"{evaluation.turns['attacks']} attacks, {evaluation.turns['harmless']} harmless turns judged:"
    yield ""
    yield "| layers | by score | by rules | by both |"
    yield "| --- | --- | --- | --- |"
    for name, shares in evaluation.shares.items():
        yield f"| {name} | {' | '.join(_shown(shares[way], way) for way in WAYS)} |"


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
