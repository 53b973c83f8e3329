"""triptych keys: the key behind every keyed digest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import of

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Make the key behind every keyed digest."""


@app.command()
def new(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to write it; digest.key_file by default.")] = None,
) -> None:
    """Write a new digest key into a file that only you can read, and print its id.

    Every producer of a tenant needs the same key: copy the file, never the key's text into a setting. An existing
    file is never overwritten, because records under another key no longer meet.

    Example: triptych keys new

    Example: triptych keys new /etc/triptych/digest.key
    """
    from .. import keys as keyfile  # noqa: PLC0415

    path = file or of(context).settings.digest.key_file
    keyring = keyfile.new(path)
    typer.echo(f"{path}: key {keyring.key_id}")
