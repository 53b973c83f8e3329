"""One instant, as events tell it. Nothing here reads a clock: instants are arguments."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Now"]


class Now(NamedTuple):
    """The same instant on both clocks: nanoseconds since the Unix epoch, and CLOCK_MONOTONIC nanoseconds."""

    wall_ns: int
    mono_ns: int
