"""triptych doctor: can this machine run it, and what to do where it cannot."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import JSON, of, print_json, print_table

__all__ = ["app"]

app = typer.Typer()


@app.command()
def doctor(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """Check Python, kernel, broker, store, key, schemas and clock, each with its fix; exit 1 when one fails.

    A warning concerns one role only: a machine without a sensor needs no BTF.

    Example: triptych doctor

    Example: TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 triptych doctor --json
    """
    from dataclasses import asdict  # noqa: PLC0415

    from ..doctor import checks, examine  # noqa: PLC0415

    rows = [asdict(result) for result in examine(checks(of(context).settings))]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, "verdict", {"warn": "yellow", "fail": "red"})
    if any(row["verdict"] == "fail" for row in rows):
        raise typer.Exit(1)
