"""The table of a whole run in the page of the kernel half, between two marks. Pure but for write()."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ....models.errors import ConfigError
from ..report import Row

__all__ = ["PAGE", "put", "write"]

PAGE = Path(__file__).parents[3] / "bpf" / "README.md"
_BEGIN, _END = "<!-- bench-sensor -->", "<!-- /bench-sensor -->"


def write(rows: Sequence[Row], page: Path = PAGE) -> None:
    page.write_text(put(page.read_text(), rows))


def put(text: str, rows: Sequence[Row]) -> str:
    """`text` with the table of `rows` between the marks. Raises ConfigError where they are missing."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ConfigError(f"the page has no place between {_BEGIN} and {_END}", "put both marks where the table goes")
    return f"{before}{_BEGIN}\n{_table(rows)}\n{_END}{after}"


def _table(rows: Sequence[Row]) -> str:
    lines = ["| figure | value | | bar |", "| --- | ---: | --- | ---: |"]
    return "\n".join(lines + [f"| {row.name} | {_number(row.value)} | {row.unit} | {_bar(row)} |" for row in rows])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _bar(row: Row) -> str:
    if row.bar is None:
        return ""
    return f"{'<=' if row.at_most is not None else '>='} {_number(row.bar)}" + ("" if row.ok else " (missed)")
