"""Samples to figures, each difference and each ratio taken within a round, then the median over rounds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..report import Row
from ..rounds import median
from .contender import AGAIN, DIRECT, LEASED, OURS, PUMP, PURE
from .sample import ECHO, Sample

__all__ = ["HTTP", "STDIO", "Bars", "rows"]

Round = Mapping[str, Sample]
Figure = Callable[[Sample], float]
Ratio = Callable[[Round], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """What ours must reach over one transport. Microseconds, calls a second, MB, and ratios."""

    p50: float
    p99: float
    rate: float
    ahead: float  # of each peer: in added latency, in processor time and in calls a second
    cpu: float | None = None
    rss: float | None = None
    pumps: float = 3.0  # processor time of ours over that of the pump
    lease: float = 150.0  # what the sensor's lease may add to p50


STDIO = Bars(p50=100, p99=300, cpu=80, rate=20_000, rss=30, ahead=15)
HTTP = Bars(p50=200, p99=400, rate=10_000, ahead=4)


def rows(transport: str, rounds: Sequence[Round], bars: Bars) -> list[Row]:
    """Everything that one transport's rounds say."""
    told = _Told(transport, rounds)
    names = [name for name in rounds[0] if name != DIRECT]
    found = [told.row(DIRECT, "p50", "us", _p50), told.row(DIRECT, "calls/s at 32", "1/s", _rate)]
    found.append(told.row(DIRECT, "load generator at 32", "of a core", lambda one: one.load.generator))
    found += _ours(told, bars)
    found += [row for name in names if name != OURS for row in _other(told, name)]
    found += _shapes(told, [name for name in (PUMP, OURS) if name in names])
    return found + _ratios(told, bars)


@dataclass(frozen=True, slots=True)
class _Told:
    """The rounds of one transport; a row of it is named `transport contender: figure`."""

    transport: str
    rounds: Sequence[Round]

    @property
    def peers(self) -> Iterator[str]:
        return (name for name in self.rounds[0] if name not in {DIRECT, AGAIN, PUMP, OURS, PURE, LEASED})

    def row(
        self, name: str, figure: str, unit: str, of: Figure, *, most: float | None = None, least: float | None = None
    ) -> Row:
        value = median(self.rounds, lambda one: of(one[name]))
        return self.named(f"{name}: {figure}", value, unit, most=most, least=least)

    def added(self, name: str, figure: str, of: Figure, most: float | None = None, over: str = DIRECT) -> Row:
        value = median(self.rounds, lambda one: of(one[name]) - of(one[over]))
        return self.named(f"{name}: added {figure}", value, "us", most=most)

    def ratio(self, figure: str, of: Ratio, *, most: float | None = None, least: float | None = None) -> Row:
        return self.named(figure, median(self.rounds, of), "x", most=most, least=least)

    def named(
        self, name: str, value: float, unit: str, *, most: float | None = None, least: float | None = None
    ) -> Row:
        return Row(name=f"{self.transport} {name}", value=value, unit=unit, at_most=most, at_least=least)


def _ours(told: _Told, bars: Bars) -> list[Row]:
    return [
        told.added(OURS, "p50", _p50, bars.p50),
        told.added(OURS, "p99", _p99, bars.p99),
        told.row(OURS, "CPU a call", "us", _cpu, most=bars.cpu),
        told.row(OURS, "calls/s at 32", "1/s", _rate, least=bars.rate),
        told.row(OURS, "CPU a call at 32", "us", lambda one: one.load.cpu),
        told.row(OURS, "memory after all calls", "MB", lambda one: one.rss, most=bars.rss),
        told.row(OURS, "start to first reply", "ms", lambda one: one.start_ms),
    ]


def _other(told: _Told, name: str) -> list[Row]:
    added = [told.added(name, "p50", _p50), told.added(name, "p99", _p99)]
    if name == AGAIN:
        return added
    if name == LEASED:
        return [
            *added,
            told.row(name, "CPU a call", "us", _cpu),
            told.row(name, "calls/s at 32", "1/s", _rate),
        ]
    return [
        *added,
        told.row(name, "CPU a call", "us", _cpu),
        told.row(name, "calls/s at 32", "1/s", _rate),
        told.row(name, "memory after all calls", "MB", lambda one: one.rss),
        told.row(name, "start to first reply", "ms", lambda one: one.start_ms),
    ]


def _shapes(told: _Told, names: Sequence[str]) -> list[Row]:
    """The other shapes of calls, without bars."""
    found = []
    for shape in (shape for shape in told.rounds[0][OURS].timings if shape != ECHO):
        for name in names:
            found.append(told.added(name, f"p50, {shape}", _p50_of(shape)))
            found.append(told.row(name, f"CPU a call, {shape}", "us", _cpu_of(shape)))
    return found


def _ratios(told: _Told, bars: Bars) -> list[Row]:
    found = [told.ratio("ours over pump: CPU a call", lambda one: _cpu(one[OURS]) / _cpu(one[PUMP]), most=bars.pumps)]
    for peer in told.peers:
        ahead = {"added p50": _latency(peer), "CPU a call": _work(peer), "calls/s at 32": _speed(peer)}
        found += [told.ratio(f"ours ahead of {peer}: {name}", of, least=bars.ahead) for name, of in ahead.items()]
    if LEASED in told.rounds[0]:
        lease = median(told.rounds, lambda one: _p50(one[LEASED]) - _p50(one[OURS]))
        found.append(told.named("lease: added p50", lease, "us", most=bars.lease))
    return found


def _latency(peer: str) -> Ratio:
    """How often ours fits into what the peer adds; ours counts as a microsecond at least."""
    return lambda one: (_p50(one[peer]) - _p50(one[DIRECT])) / max(1.0, _p50(one[OURS]) - _p50(one[DIRECT]))


def _work(peer: str) -> Ratio:
    return lambda one: _cpu(one[peer]) / _cpu(one[OURS])


def _speed(peer: str) -> Ratio:
    return lambda one: _rate(one[OURS]) / _rate(one[peer])


def _p50_of(shape: str) -> Figure:
    return lambda sample: sample.timings[shape].p50


def _cpu_of(shape: str) -> Figure:
    return lambda sample: sample.timings[shape].cpu


_p50, _cpu = _p50_of(ECHO), _cpu_of(ECHO)


def _p99(sample: Sample) -> float:
    return sample.timings[ECHO].p99


def _rate(sample: Sample) -> float:
    return sample.load.rate
