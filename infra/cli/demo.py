"""triptych demo: a real tool call, its syscalls, an attack, an explained finding."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import of, print_json

__all__ = ["app"]

app = typer.Typer()

_WIDE = 110  # where there is no terminal to ask for its width


class Provider(StrEnum):
    """Where the demo's broker and store come from."""

    embedded = "embedded"
    local = "local"


@app.command()
def demo(
    context: typer.Context,
    *,
    kafka: Annotated[
        Provider, typer.Option(help="embedded: inside this process; local: a real Apache Kafka and Redis.")
    ] = Provider.embedded,
    sessions: Annotated[int, typer.Option(min=24, help="Harmless sessions to learn from.")] = 48,
    attach: Annotated[
        bool, typer.Option("--attach", help="Play into the stack that the settings name, instead of one of its own.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Another seed tells the story with other files, pages and words.")] = 1,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Leave everything running, or a failed run's logs."),
    ] = False,
    record: Annotated[Path | None, typer.Option(help="Keep the story in a file, to be replayed.", hidden=True)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON, progress on stderr.")] = False,
) -> None:
    """Play a story on the real parts, show the findings, and check them against what the tool server wrote down.

    Traffic goes to loopback only; what looks like a credential is planted for the run. Exit code 1 when a check fails.

    Example: triptych demo

    Example: triptych demo --kafka local --keep
    """
    from rich.console import Console  # noqa: PLC0415

    from ..demo.errors import DemoError  # noqa: PLC0415

    try:
        from ..demo.run import Options, run  # noqa: PLC0415
        from ..demo.screen import Screen  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DemoError(f"the demo needs {error.name}", "pip install 'triptych[demo]'", code="X04") from None
    join = of(context).settings if attach else None
    options = Options(kafka=kafka.value, join=join, sessions=sessions, seed=seed, keep=keep, record=record)
    console = Console(stderr=as_json)
    outcome = run(options, Screen(console if console.is_terminal else Console(stderr=as_json, width=_WIDE)))
    if as_json:
        print_json(outcome.plain())
    raise typer.Exit(0 if outcome.ok else 1)
