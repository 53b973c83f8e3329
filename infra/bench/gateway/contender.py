"""Who takes part, and how one turn of it goes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...process import tail
from ..errors import BenchError
from ..rounds import interleaved
from .place import Place
from .sample import ECHO, SHAPES, Opened, Pace, Sample, measure
from .sensor import sensing
from .traffic import call

__all__ = ["AGAIN", "DIRECT", "LEASED", "OURS", "PUMP", "PURE", "Contender", "refused", "take_turns"]

DIRECT, AGAIN, PUMP, OURS, LEASED = "direct", "direct again", "pump", "ours", "ours leased"
PURE = "ours in Python"  # beside a compiled one

_LEASED = 0.99  # of the events: a sensor may answer late once in a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """`open` starts it for one turn. Those of others are slow, so they make a `share` of the calls, of one shape."""

    name: str
    open: Callable[[], AbstractContextManager[Opened]]
    log: Path
    share: float = 1.0
    peer: bool = False

    @property
    def leased(self) -> bool:
        return self.name == LEASED


def take_turns(
    contenders: Sequence[Contender], place: Place, pace: Pace, rounds: int, tell: Callable[[str], None]
) -> list[Mapping[str, Sample]]:
    """A sample of each contender in every round."""
    turns = {contender.name: partial(_turn, contender, place, pace) for contender in contenders}
    return interleaved(turns, rounds, tell)


def _turn(contender: Contender, place: Place, pace: Pace) -> Sample:
    shapes = (ECHO,) if contender.peer else tuple(SHAPES)
    try:
        with sensing(place) if contender.leased else nullcontext(), contender.open() as opened:
            sample = measure(opened, pace.scaled(contender.share), shapes, transparent=not contender.peer)
        if contender.leased:
            _must_have_leased(place)
    except BenchError as error:
        said = f"\n{tail(contender.log)}" if contender.log.exists() else ""
        raise BenchError(f"{contender.name}: {error.what}{said}", error.hint, code=error.code) from error
    place.sweep()
    return sample


def refused(contender: Contender, place: Place) -> bool:
    """Whether the sensor gives this gateway no lease at all; one call tells."""
    with sensing(place), contender.open() as opened:
        opened.ask(call(0))
    share = _granted(place)
    place.sweep()
    return share == 0


def _must_have_leased(place: Place) -> None:
    """A gateway goes on without a sensor, and would then be measured as if it had one."""
    if (share := _granted(place)) < _LEASED:
        raise BenchError(f"only {share:.0%} of its events had the sensor's lease", "measure on a quieter machine")


def _granted(place: Place) -> float:
    """The share of spooled events under a lease."""
    said = b"".join(segment.read_bytes() for segment in place.spool.glob("*.spool"))
    states = re.findall(rb'"lease":"(\w+)"', said)
    return states.count(b"granted") / max(1, len(states))
