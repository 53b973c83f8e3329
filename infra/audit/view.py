"""A trail as a person reads it in a terminal: the answers first, then everything in event time. Pure rendering."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ...models.text import plural, size
from .trail import Destination, Line, Summary

__all__ = ["render"]

_LAYER = {"agent": "magenta", "protocol": "cyan", "execution": "green", "chain": "red"}
_NAME = {"chain": "finding"}
_ROWS = 12


def render(summary: Summary, lines: Sequence[Line], *, most: int) -> RenderableType:
    """The answers, and at most `most` lines of the timeline: the newest."""
    parts: list[RenderableType] = []
    for title, rows in _answers(summary):
        if rows:
            more = [Text(f"… {len(rows) - _ROWS} more", style="dim")] if len(rows) > _ROWS else []
            parts += [
                Text(title, style="bold underline"),
                *(Padding(row, (0, 0, 0, 2)) for row in [*rows[:_ROWS], *more]),
            ]
    parts += [Text(f"What happened, {plural(len(lines), 'line')}", style="bold underline"), _timeline(lines, most)]
    return Group(*parts)


def _answers(summary: Summary) -> Iterator[tuple[str, list[Text]]]:
    yield "Who asked", [Text(who) for who in summary.principals] + [Text(f"agent {who}") for who in summary.agents]
    yield "Which tool", [Text(f"{tool}  {times} x") for tool, times in summary.tools]
    yield "Where it ran", [Text(place) for place in summary.places]
    yield "What it touched", [_file(path, label) for path, label in summary.touched]
    yield "What it ran", [Text(program) for program in summary.programs]
    yield "Where data went", [_peer(peer) for peer in summary.destinations]
    yield "What this cannot show", [Text(gap, style="yellow") for gap in summary.gaps]


def _file(path: str, label: str) -> Text:
    return Text(f"{path}  {label}", style="bold red" if label.startswith("secret") else "")


def _peer(peer: Destination) -> Text:
    where = "outside" if peer.outside else "inside"
    told = f"{peer.peer}  {where}, {size(peer.bytes_out)} out, {size(peer.bytes_in)} in"
    return Text(told, style="bold red" if peer.outside else "")


def _timeline(lines: Sequence[Line], most: int) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    if len(lines) > most:
        table.add_row("", "", Text(f"… {len(lines) - most} earlier lines: --last, --json", style="dim"))
    for line in lines[-most:]:
        when = datetime.fromtimestamp(line.wall_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        layer = Text(_NAME.get(line.layer, line.layer), style=_LAYER.get(line.layer, ""))
        table.add_row(when, layer, Text(line.text, style="bold" if line.notable else ""))
    return Padding(table, (0, 0, 0, 2))
