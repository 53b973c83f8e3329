"""An incident as a person sees it in a terminal: its findings, and one timeline over servers, hosts and clusters.

Pure rendering of one OCSF document with rich. Every text passes `clean` once more: the topic may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..models.text import clean, ellipsis, plural

__all__ = ["render_incident", "render_incidents"]

_STYLE = {4: "bold white on dark_orange3", 5: "bold white on red", 3: "bold black on yellow", 2: "bold black on cyan"}
_LAYER = {"agent": "magenta", "protocol": "cyan", "execution": "green"}
_LANES = tuple(_LAYER)


def render_incidents(incidents: Sequence[Mapping[str, Any]]) -> RenderableType:
    """One line for each incident, for 100 columns; fewer fold it."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("last seen", "severity", "incident", "findings", "servers", "what"):
        table.add_column(name, no_wrap=name in {"severity", "incident"}, min_width=24 if name == "what" else None)
    for incident in incidents:
        mcp = incident["unmapped"]["mcp"]
        part_of = mcp["incident"].get("merged_into")
        what = f"part of {part_of}" if part_of else incident.get("message", "")
        table.add_row(
            Text(_moment(incident["time"]), style="dim"),
            Text(clean(str(incident.get("severity")), 13), style=_STYLE.get(incident.get("severity_id", 0), "")),
            Text(clean(mcp["incident"]["uid"], 40), style="dim" if part_of else ""),
            str(mcp.get("findings", 0)),
            Text(ellipsis(clean(", ".join(map(str, mcp.get("servers", ()))), 80), 24)),
            Text(clean(what, 120), style="dim" if part_of else ""),
        )
    return table


def render_incident(incident: Mapping[str, Any]) -> RenderableType:
    """The whole incident, for about 110 columns."""
    mcp = incident["unmapped"]["mcp"]
    told = mcp["incident"]
    sections: list[RenderableType] = [_grades(incident), Text(clean(incident.get("desc", ""), 600), style="bold")]
    sections += _section("Findings", _findings(incident.get("finding_info_list", ())))
    sections += _section("Where, and on whose behalf", _where(mcp))
    sections += _section("What happened", _timeline(mcp.get("timeline", ())))
    if left_out := mcp.get("timeline_left_out"):
        sections.append(Text(f"{plural(left_out, 'ordinary line')} not shown", style="dim"))
    subtitle = f"{clean(told['uid'], 40)} · revision {told['revision']} · {_moment(incident['time'])}"
    return Panel(
        Group(*_spaced(sections)),
        title=Text(clean(incident.get("message", ""), 88), style="bold"),
        subtitle=Text(subtitle, style="dim"),
        border_style="red" if incident.get("severity_id", 0) >= 4 else "yellow",
        box=box.ROUNDED,
        padding=(1, 2),
    )


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _spaced(sections: Sequence[RenderableType]) -> Iterator[RenderableType]:
    for index, section in enumerate(sections):
        if index:
            yield ""
        yield section


def _section(title: str, body: RenderableType | None) -> list[RenderableType]:
    if body is None:
        return []
    return [Group(Text(title, style="bold underline"), Padding(body, (0, 0, 0, 2)))]


def _grades(incident: Mapping[str, Any]) -> Text:
    severity = clean(str(incident.get("severity", "")), 13).upper()
    return Text.assemble(
        (f" {severity} ", _STYLE.get(incident.get("severity_id", 0), "reverse")),
        "   risk ", (str(incident["unmapped"]["mcp"].get("risk", 0)), "bold"),
        "   confidence ", (f"{incident.get('confidence_score', 0)} %", "bold"),
        "   ", (clean(str(incident.get("status", "")), 13), "bold"),
    )  # fmt: skip


def _findings(findings: Sequence[Mapping[str, Any]]) -> Table | None:
    grid = Table.grid(padding=(0, 2))
    for finding in findings:
        began = _moment(finding.get("first_seen_time", 0))
        grid.add_row(Text(began, style="dim"), Text(clean(finding.get("uid", ""), 24)), _told(finding))
    return grid if findings else None


def _told(finding: Mapping[str, Any]) -> Text:
    return Text(clean(finding.get("title", ""), 120), style="bold")


def _where(mcp: Mapping[str, Any]) -> Table | None:
    grid = Table.grid(padding=(0, 2))
    for name in ("clusters", "hosts", "servers", "tools", "principals"):
        if values := mcp.get(name):
            grid.add_row(Text(name, style="dim"), Text(clean(", ".join(map(str, values)), 240)))
    return grid if grid.row_count else None


def _timeline(lines: Sequence[Mapping[str, Any]]) -> Table | None:
    """Time since the first line, a lane for each layer, where, what."""
    if not lines:
        return None
    zero = lines[0]["time"]
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=28)
    table.add_column(ratio=1)
    for line in lines:
        title = Text(clean(line.get("title", ""), 160), style="bold" if line.get("notable") else "")
        table.add_row(_after(line["time"] - zero), _lanes(line), Text(_place(line), style="dim"), title)
    return table


def _place(line: Mapping[str, Any]) -> str:
    parts = [clean(str(line[name]), 40) for name in ("cluster", "host", "server") if line.get(name)]
    return ellipsis("/".join(parts), 28)


def _lanes(line: Mapping[str, Any]) -> Text:
    lanes, layer = Text(), line.get("layer")
    for lane in _LANES:
        here = lane == layer
        mark = ("◆" if line.get("notable") else "●") if here else "│"
        lanes.append(f"{mark} ", style=_LAYER[lane] if here else "dim")
    return lanes


def _after(span_ms: int) -> str:
    if span_ms < 60_000:
        return f"+{span_ms / 1000:.3f} s"
    minutes, seconds = divmod(span_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"+{hours}:{minutes:02}:{seconds:02}"
