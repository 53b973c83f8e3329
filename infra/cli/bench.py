"""triptych bench: how good the judgement is, on data of others with labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure figures that have a bar, and end with 1 where one is missed."""


@app.command()
def detection(
    agentdojo: Annotated[Path, typer.Option(metavar="FILE", help="Extract of AgentDojo runs, one JSON object a line.")],
    results: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the figures go as JSON.")] = None,
    part: Annotated[str, typer.Option("--only", metavar="PART", help="One part: K, U, or as the table names it.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="One seed instead of five: proves no bar.")] = False,
) -> None:
    """Train on the runs of some model families, judge those of the others, both ways, and hold it against the gates.

    K: the judged tasks occur in training. U: neither family nor task does. Ends with 2 where FILE measures nothing.

    Example: triptych bench detection --agentdojo agentdojo.jsonl.gz

    Example: triptych bench detection --agentdojo agentdojo.jsonl.gz --only U --quick
    """
    from functools import partial  # noqa: PLC0415

    from ..bench.detection.measure import measure  # noqa: PLC0415
    from ..bench.run import main  # noqa: PLC0415

    options = ["--only", part, *(["--quick"] if quick else []), *(["--results", str(results)] if results else [])]
    packages = ["numpy", "scikit-learn"]
    raise typer.Exit(main("detection", partial(measure, file=agentdojo), packages=packages, argv=options))
