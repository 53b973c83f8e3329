"""One turn of one contender: the same questions for every transport, the answers as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..cost import cpu_us, rss_mb
from ..errors import BenchError
from ..rounds import percentile
from .answers import answer
from .client import Client
from .traffic import Message, call, modern_call, page_call

__all__ = ["ECHO", "IN_FLIGHT", "SHAPES", "Load", "Opened", "Pace", "Sample", "Timing", "measure"]

ECHO = "echo call"
SHAPES: Mapping[str, Message] = {ECHO: call, "16 KB result": page_call, "modern call": modern_call}
IN_FLIGHT = 32
_OTHERS = 0.3  # of the calls, for shapes without bars
_CHECKED = 20
_FIRST = 100  # ids below belong to the handshake
_LOADED = 1_000_000  # and these to calls that were not made before


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many calls are made: one after the other, with 32 in flight, and to warm up before either."""

    calls: int
    loaded: int
    warm: int

    def scaled(self, share: float) -> Pace:
        """The same for somebody slower; never so few that 32 cannot be in flight."""
        calls, loaded = max(10, int(self.calls * share)), max(2 * IN_FLIGHT, int(self.loaded * share))
        return Pace(calls=calls, loaded=loaded, warm=max(10, int(self.warm * share)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One in flight, microseconds a call; `cpu` is that of the contender's process alone."""

    p50: float
    p99: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """32 in flight: calls a second, the contender's microseconds a call, the share of a core that we took ourselves."""

    rate: float
    cpu: float
    generator: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """`start_ms` runs to the first reply, so it holds the server's own start. MB after all calls."""

    timings: Mapping[str, Timing]
    load: Load
    start_ms: float
    rss: float


class Opened(Client, Protocol):
    """A client whose contender runs as process `pid` and first replied `start_ms` after its start."""

    @property
    def pid(self) -> int: ...

    @property
    def start_ms(self) -> float: ...


def measure(opened: Opened, pace: Pace, shapes: Sequence[str], *, transparent: bool) -> Sample:
    """Check the replies, time each shape, then load. A `transparent` contender must change no byte of a reply."""
    for shape in shapes:
        _check(opened, SHAPES[shape], transparent)
    paces = {shape: pace if shape == ECHO else pace.scaled(_OTHERS) for shape in shapes}
    timings = {shape: _timed(opened, SHAPES[shape], paces[shape]) for shape in shapes}
    return Sample(timings=timings, load=_loaded(opened, pace), start_ms=opened.start_ms, rss=rss_mb(opened.pid))


def _check(client: Client, shape: Message, transparent: bool) -> None:
    for number in range(_FIRST, _FIRST + _CHECKED):
        reply = client.ask(shape(number))
        if transparent and reply != answer(shape(number)):
            raise BenchError(f"the reply {reply[:200]!r} is not the server's")


def _timed(client: Opened, shape: Message, pace: Pace) -> Timing:
    first = _FIRST + _CHECKED
    client.one_by_one([shape(first + number) for number in range(pace.warm)])
    messages = [shape(first + pace.warm + number) for number in range(pace.calls)]
    before = cpu_us(client.pid)
    spent = client.one_by_one(messages)
    cpu = (cpu_us(client.pid) - before) / pace.calls
    return Timing(p50=percentile(spent, 0.5), p99=percentile(spent, 0.99), cpu=cpu)


def _loaded(client: Opened, pace: Pace) -> Load:
    messages = [call(_LOADED + number) for number in range(pace.warm + pace.loaded)]
    client.at_once(messages[: pace.warm], IN_FLIGHT)
    before = cpu_us(client.pid)
    span = client.at_once(messages[pace.warm :], IN_FLIGHT)
    cpu = (cpu_us(client.pid) - before) / pace.loaded
    return Load(rate=pace.loaded / span.seconds, cpu=cpu, generator=span.own / span.seconds)
