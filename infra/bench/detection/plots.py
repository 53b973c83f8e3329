"""Plots as SVG that stand alone: bars with intervals and bars to reach, and curves. Light and dark by the reader's
own setting; the text of every mark is told to readers that see no picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Bar", "bars", "curves"]

_STYLE = """\
<style>
svg { font: 14px system-ui, sans-serif; }
.text { fill: #1c2733; } .faint { fill: #5b6b7b; } .line { stroke: #d5dce3; }
.bar { fill: #9db4cc; } .best { fill: #1f6feb; } .short { fill: #c2410c; }
.range { stroke: #1c2733; stroke-width: 1.5; } .goal { stroke: #c2410c; stroke-width: 2; stroke-dasharray: 3 2; }
.curve0 { stroke: #1f6feb; fill: none; stroke-width: 2.5; } .dot0 { fill: #1f6feb; }
.curve1 { stroke: #8a6d3b; fill: none; stroke-width: 2.5; } .dot1 { fill: #8a6d3b; }
@media (prefers-color-scheme: dark) {
.text { fill: #e6edf3; } .faint { fill: #9aa8b5; } .line { stroke: #33404d; }
.bar { fill: #4a5f75; } .best { fill: #58a6ff; } .short { fill: #ff8a5c; }
.range { stroke: #e6edf3; } .goal { stroke: #ff8a5c; }
.curve0 { stroke: #58a6ff; } .dot0 { fill: #58a6ff; } .curve1 { stroke: #d9b26a; } .dot1 { fill: #d9b26a; }
}
</style>"""
_WIDTH = 560
_LEFT, _RIGHT, _TOP = 190, 60, 14
_ROW = 30
_HEIGHT, _FOOT = 260, 44


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One figure from 0 to 1. `low` and `high`: its interval; `goal`: what it should reach; `best`: drawn to be seen
    first."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    goal: float | None = None
    best: bool = False


def bars(title: str, told: Sequence[Bar], *, percent: bool = True) -> str:
    """Horizontal bars, one a row."""
    height = _TOP + _ROW * len(told) + 34
    inner = _WIDTH - _LEFT - _RIGHT

    def x(value: float) -> float:
        return _LEFT + inner * min(max(value, 0.0), 1.0)

    parts = [_grid(x(tick), height, _shown(tick, percent=percent)) for tick in (0, 0.25, 0.5, 0.75, 1)]
    for at, bar in enumerate(told):
        parts += _bar(bar, _TOP + _ROW * at, x, percent=percent)
    return _svg(title, height, parts)


def curves(title: str, told: Mapping[str, Sequence[tuple[float, float]]], *, across: str) -> str:
    """Lines over places that are told evenly; each value from 0 to 1."""
    places = sorted({place for points in told.values() for place, _ in points})
    inner, down = _WIDTH - 50 - 30, _HEIGHT - _TOP - _FOOT

    def x(place: float) -> float:
        return 50 + inner * (places.index(place) / max(len(places) - 1, 1))

    def y(value: float) -> float:
        return _TOP + down * (1 - value)

    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<line class="line" x1="50" x2="{_WIDTH - 30}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(_text(44, y(tick) + 4, _shown(tick), "faint", "end"))
    parts += [_text(x(place), _HEIGHT - 24, f"{place:g}", "faint", "middle") for place in places]
    parts.append(_text(50 + inner / 2, _HEIGHT - 6, across, "faint", "middle"))
    for at, (name, points) in enumerate(told.items()):
        parts += _curve(at, name, [(x(place), y(value), value) for place, value in points])
    return _svg(title, _HEIGHT, parts)


def _bar(bar: Bar, top: float, x: Callable[[float], float], *, percent: bool) -> Iterator[str]:
    short = bar.goal is not None and bar.value < bar.goal
    kind = "short" if short else "best" if bar.best else "bar"
    middle = top + _ROW / 2
    yield _text(_LEFT - 10, middle + 4, bar.name, "text", "end")
    width = x(bar.value) - x(0)
    yield f'<rect class="{kind}" x="{x(0):.1f}" y="{top + 6}" width="{width:.1f}" height="{_ROW - 12}" rx="2"/>'
    if bar.low is not None and bar.high is not None:
        yield f'<line class="range" x1="{x(bar.low):.1f}" x2="{x(bar.high):.1f}" y1="{middle}" y2="{middle}"/>'
    if bar.goal is not None:
        yield f'<line class="goal" x1="{x(bar.goal):.1f}" x2="{x(bar.goal):.1f}" y1="{top + 3}" y2="{top + _ROW - 3}"/>'
    yield _text(_WIDTH - _RIGHT + 12, middle + 4, _shown(bar.value, percent=percent), "text", "start")


def _curve(at: int, name: str, points: Sequence[tuple[float, float, float]]) -> Iterator[str]:
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down, _ in points)
    yield f'<polyline class="curve{at}" points="{path}"/>'
    for across, down, value in points:
        yield f'<circle class="dot{at}" cx="{across:.1f}" cy="{down:.1f}" r="4"><title>{_shown(value)}</title></circle>'
    across, down, _ = points[-1]
    yield _text(across, down - 10, name, "text", "end")


def _grid(x: float, height: float, told: str) -> str:
    line = f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - 26}"/>'
    return line + _text(x, height - 10, told, "faint", "middle")


def _text(x: float, y: float, told: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(told)}</text>'


def _shown(value: float, *, percent: bool = True) -> str:
    return f"{100 * value:.0f} %" if percent else f"{value:.3f}"


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img"'
    body = "\n".join(parts)
    return f'{head} aria-label="{escape(title)}">\n<title>{escape(title)}</title>\n{_STYLE}\n{body}\n</svg>\n'
