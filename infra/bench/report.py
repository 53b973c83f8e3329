"""Figures with their bars: as a table for people, as JSON for the record, and the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from ...models.errors import ConfigError

__all__ = ["Report", "Row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. Without a bar it informs, and is always ok."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        if self.at_most is not None and self.at_least is not None:
            raise ConfigError(f"{self.name} has two bars, {self.at_most} and {self.at_least}", "give one")

    @property
    def bar(self) -> float | None:
        return self.at_least if self.at_most is None else self.at_most

    @property
    def ok(self) -> bool:
        if self.at_most is not None:
            return self.value <= self.at_most
        return self.at_least is None or self.value >= self.at_least

    def as_json(self) -> dict[str, Any]:
        figures = {"value": round(self.value, 3), "unit": self.unit, "bar": self.bar, "ok": self.ok}
        return {"name": self.name, **figures}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run of one benchmark."""

    name: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    rows: Sequence[Row]

    @property
    def short(self) -> list[Row]:
        """The rows that miss their bar."""
        return [row for row in self.rows if not row.ok]

    def write(self, file: Path) -> None:
        """As JSON: machine, versions and rows."""
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = [row.as_json() for row in self.rows]
        record = {"machine": dict(self.machine), "versions": dict(self.versions), "rows": rows}
        file.write_text(json.dumps(record, indent=1) + "\n")

    def table(self) -> Table:
        """Every figure with its bar beside it; what falls short is red."""
        table = Table(title=f"bench-{self.name}", title_justify="left")
        for heading, justify in (("figure", "left"), ("value", "right"), ("", "left"), ("bar", "right")):
            table.add_column(heading, justify="right" if justify == "right" else "left")
        for row in self.rows:
            style = None if row.ok else "bold red"
            table.add_row(row.name, _number(row.value), row.unit, _bar(row), style=style)
        return table


def _bar(row: Row) -> str:
    if row.bar is None:
        return ""
    return f"{'<=' if row.at_most is not None else '>='} {_number(row.bar)}" + ("" if row.ok else "  short")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
