"""What every command shares: the settings of this call, a console, and tables that are JSON on request."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:  # imported by the commands that need them: `triptych --help` must not wait for pydantic
    from ..loading import Loaded
    from ..settings import Settings

__all__ = ["JSON", "Options", "of", "print_json", "print_table"]

_WIDE = 1000  # piped tables are for grep: nothing is folded

JSON = typer.Option("--json", help="Print JSON instead of a table.")


@dataclass
class Options:
    """The options before the command's name."""

    config: Path | None = None
    assignments: list[str] = field(default_factory=list)
    debug: bool = False

    @cached_property
    def loaded(self) -> Loaded:
        """Settings with their sources. Raises ConfigError C01."""
        from ..loading import load, set_flags  # noqa: PLC0415

        return load(self.config, set_flags(self.assignments))

    @property
    def settings(self) -> Settings:
        return self.loaded.settings


def of(context: typer.Context) -> Options:
    """The options of the call that `context` belongs to."""
    options = context.find_object(Options)
    return options if options is not None else Options()


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, default=str))


def print_table(rows: Sequence[Mapping[str, str]], by: str, styles: Mapping[str, str]) -> None:
    """Rows with the same keys as a table; what stands in the column `by` gives a row its style."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row.values()), style=styles.get(row[by], ""))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
