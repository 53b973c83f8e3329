"""triptych config: every setting, its value and where it comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import JSON, of, print_json, print_table

__all__ = ["app"]

app = typer.Typer()


@app.command()
def config(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """Print each setting, its value and its source; secrets are hidden.

    A flag wins over the environment, the environment over the file. The file is --config, TRIPTYCH_CONFIG,
    ./triptych.toml, ~/.config/triptych/triptych.toml or /etc/triptych/triptych.toml, the first that is there.

    Example: TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 triptych config

    Example: triptych --config triptych.toml --set worker.grace_ms=500 config --json
    """
    from dataclasses import asdict  # noqa: PLC0415

    loaded = of(context).loaded
    rows = [asdict(value) for value in loaded.values()]
    if as_json:
        print_json({"file": loaded.file, "settings": rows})
        return
    typer.echo(f"file: {loaded.file or 'none'}")
    print_table([{key: row[key] for key in ("name", "value", "source")} for row in rows], "source", {"default": "dim"})
