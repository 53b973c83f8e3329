"""A finding as a person sees it in a terminal: what happened, how bad, why, the three layers in event time.

Pure rendering of one alert with rich; plain text where there is no terminal. Names chosen by the watched side are shown
as text, never as markup, and cleaned once more: an alert may come from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..models import describe, frameworks
from ..models.baseline import is_outside
from ..models.events import Alert, Effect, TimelineEntry
from ..models.text import clean, ellipsis, plural

__all__ = ["render_finding", "render_line"]

_SEVERITY = {
    "critical": "bold white on red",
    "high": "bold white on dark_orange3",
    "medium": "bold black on yellow",
    "low": "bold black on cyan",
    "informational": "black on white",
    "unknown": "reverse",
}
_LAYER = {"agent": "magenta", "protocol": "cyan", "execution": "green"}
_LANES = tuple(_LAYER)
_RISK_CELLS = 20
_ROWS = 6  # lines of one group of the declared-against-observed table
_QUIET_RUN = 3  # ordinary lines of the timeline that are folded into one


def render_finding(alert: Alert) -> RenderableType:
    """The whole finding, for about 100 columns."""
    sections: list[RenderableType] = [_grades(alert), Text(clean(alert.message, 600), style="bold"), _who(alert)]
    sections += _section("Why", _why(alert))
    sections += _section("What happened", _timeline(alert.timeline, alert.started_ns))
    sections += _section("Declared and observed", _declared(alert))
    sections += _section("Judged by", _judged(alert))
    sections += _section("Known as", _frameworks(alert))
    sections.append(_coverage(alert))
    return Panel(
        Group(*_spaced(sections)),
        title=Text(clean(alert.title, 88), style="bold"),
        subtitle=Text(
            f"{clean(alert.finding_uid, 40)} · revision {alert.sequence} · {_moment(alert.wall_ns)}", style="dim"
        ),
        border_style="red" if alert.severity in ("critical", "high") else "yellow",
        box=box.ROUNDED,
        padding=(1, 2),
    )


def render_line(alert: Alert, *, revision: bool = False) -> Text:
    """One finding on one line of less than 100 columns; with `revision` also which one it is and why it was sent."""
    where = f"{clean(alert.server.id, 24)}/{clean(alert.tool or '-', 24)}"
    line = Text(no_wrap=True)
    line.append(f"{_moment(alert.wall_ns)[11:19]} ", style="dim")
    line.append(f"{alert.severity[:8]:<8}", style=_SEVERITY.get(alert.severity, ""))
    line.append(f" {alert.risk:>3.0f} ", style="bold")
    line.append(f"{clean(alert.finding_uid, 20)} ", style="dim")
    if revision:
        line.append(f"{f'{alert.activity} {alert.sequence}':<9} ", style="dim" if alert.activity == "close" else "")
    line.append(f"{ellipsis(where, 22):<22} ")
    rule = alert.rules[0].title if alert.rules else "Unusual for this server"
    line.append(ellipsis(clean(rule), 99 - len(line)))
    return line


def _moment(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _section(title: str, body: RenderableType | None) -> list[RenderableType]:
    if body is None:
        return []
    return [Group(Text(title, style="bold underline"), Padding(body, (0, 0, 0, 2)))]


def _spaced(sections: Sequence[RenderableType]) -> Iterator[RenderableType]:
    for index, section in enumerate(sections):
        if index:
            yield ""
        yield section


def _grades(alert: Alert) -> Text:
    filled = round(alert.risk / 100 * _RISK_CELLS)
    style = "red" if alert.risk >= 70 else "yellow" if alert.risk >= 40 else "green"
    return Text.assemble(
        (f" {alert.severity.upper()} ", _SEVERITY.get(alert.severity, "")),
        "   risk ", (f"{alert.risk:.0f} ", "bold"), ("━" * filled, style), ("╌" * (_RISK_CELLS - filled), "dim"),
        "   confidence ", (f"{alert.confidence} %", "bold"), "   binding ", (alert.binding, "bold"),
    )  # fmt: skip


def _who(alert: Alert) -> Table:
    grid = Table.grid(padding=(0, 3))
    grid.add_row("server", _bold(alert.server.id), "principal", _bold(alert.principal.id or "unknown"))
    grid.add_row("tool", _bold(alert.tool or "-"), "agent", _bold(alert.agent or "unknown"))
    return grid


def _bold(text: str) -> Text:
    return Text(clean(text, 48), style="bold")


def _judged(alert: Alert) -> Table | None:
    """The rules that hit, and what the score says; they never replace each other."""
    grid = Table.grid(padding=(0, 2))
    for hit in alert.rules:
        grid.add_row("rule", Text(f"{clean(hit.id, 64)} v{hit.version}"), Text(hit.severity))
    if alert.score is not None:
        score = alert.score
        basis = f"p {score.p:.2g} over {plural(score.calibration_size, 'turn')}, baseline {score.state}"
        grid.add_row("score", Text(basis), Text(f"risk {score.risk:.0f}"))
    return grid if grid.row_count else None


def _why(alert: Alert) -> Table | None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column()
    for reason in alert.reasons:
        grid.add_row(Text("•", style=_LAYER.get(reason.layer, "")), Text(clean(reason.fact)))
    return grid if alert.reasons else None


def _timeline(entries: Sequence[TimelineEntry], zero_ns: int) -> Table | None:
    """Time, a lane for each layer, what happened. Runs of ordinary lines of one layer are folded."""
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for (layer, notable), run in groupby(entries, key=lambda entry: (entry.layer, entry.notable)):
        lines = list(run)
        shown = lines if notable or layer != "execution" or len(lines) <= _QUIET_RUN else lines[: _QUIET_RUN - 1]
        for entry in shown:
            table.add_row(_after(entry.wall_ns - zero_ns), _lanes(layer, notable), *_told(entry))
        if len(shown) < len(lines):
            more = Text(f"… {len(lines) - len(shown)} more of the same layer", style="dim")
            table.add_row("", _lanes(layer, notable), Text(layer, style="dim"), more)
    return table if entries else None


def _after(ns: int) -> str:
    return f"+{ns / 1e6:,.1f} ms" if ns < 10_000_000_000 else f"+{ns / 1e9:,.1f} s"


def _lanes(layer: str, notable: bool) -> Text:
    """`│ ● │`: the lane of the layer is marked."""
    text = Text()
    for lane in _LANES:
        text.append(" " if text else "")
        mark = ("◆" if notable else "●") if lane == layer else "│"
        text.append(mark, style=("bold red" if notable else _LAYER[lane]) if lane == layer else "dim")
    return text


def _told(entry: TimelineEntry) -> tuple[Text, Text]:
    style = "bold red" if entry.notable else ""
    return Text(entry.layer, style=_LAYER.get(entry.layer, "")), Text(clean(entry.title), style=style)


def _declared(alert: Alert) -> Table | None:
    """What the arguments named against what the kernel saw: both, only seen, only named."""
    flows = {(effect.address, effect.port) for effect in alert.effects if effect.kind == "flow"}
    named = [
        effect
        for effect in alert.effects
        if effect.path or (effect.address and not (effect.kind == "connect" and (effect.address, effect.port) in flows))
    ]
    groups = (
        ("declared and observed", "green", "✓", _lines(effect for effect in named if effect.declared)),
        ("observed, not declared", "red", "!", _lines(effect for effect in named if not effect.declared)),
        ("declared, not observed", "yellow", "?", [f"argument {clean(pointer, 80)}" for pointer in alert.unobserved]),
    )
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for title, style, mark, lines in groups:
        for index, line in enumerate(lines[:_ROWS]):
            table.add_row(Text(f"{mark} {title}" if index == 0 else "", style=style), Text(line))
        if len(lines) > _ROWS:
            table.add_row("", Text(f"… {len(lines) - _ROWS} more", style="dim"))
        if not lines:
            table.add_row(Text(f"{mark} {title}", style=style), Text("nothing", style="dim"))
    return table if named or alert.unobserved else None


def _lines(effects: Iterator[Effect] | Sequence[Effect]) -> list[str]:
    """What was touched, each thing once, what matters first."""
    ranked = sorted(effects, key=lambda effect: (effect.sensitivity is None and not is_outside(effect), effect.wall_ns))
    return list(dict.fromkeys(describe.did(effect) for effect in ranked))


def _frameworks(alert: Alert) -> Table | None:
    """Framework ids with names and versions, in the order the rules cite them."""
    grid = Table.grid(padding=(0, 2))
    cited = [*(one for hit in alert.rules for one in hit.attacks), *(tag for hit in alert.rules for tag in hit.tags)]
    for identifier in dict.fromkeys(cited):
        entry = frameworks.technique(identifier) or frameworks.risk(identifier)
        if entry is not None:
            grid.add_row(Text(entry.id), Text(entry.name), Text(entry.version, style="dim"))
    return grid if grid.row_count else None


def _coverage(alert: Alert) -> Group:
    coverage = alert.coverage
    line = Text("watched by ")
    for layer in ("protocol", "execution", "agent"):
        watched = getattr(coverage, layer)
        line.append(f"{'✓' if watched else '✗'} {layer}  ", style=_LAYER[layer] if watched else "bold yellow")
    lost = f"{plural(coverage.lost_events, 'event')} lost" if coverage.lost_events else "nothing lost"
    line.append(lost, style="bold yellow" if coverage.lost_events else "dim")
    return Group(line, *(Text(f"  {clean(note)}", style="dim") for note in coverage.notes))
