"""What the process that takes spooled events to Kafka costs. It runs beside the gateways: their figures lack it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from ... import brokers
from ...settings import Kafka
from ..errors import BenchError
from ..report import Row
from .contender import Contender
from .place import Place
from .sample import IN_FLIGHT
from .traffic import call

__all__ = ["per_event"]

_EVENTS_A_CALL = 2
_SHIP = "triptych.producers.gateway.spool.ship"


def per_event(place: Place, ours: Contender, calls: int, tell: Callable[[str], None]) -> list[Row]:
    """Processor time of two runs, of which one ships more: start and end of the process cancel out."""
    tell("shipping")
    with brokers.start(Kafka(provider="embedded")) as broker:
        few = _shipped(place, ours, calls // 10, broker.bootstrap)
        many = _shipped(place, ours, calls, broker.bootstrap)
    events = _EVENTS_A_CALL * (calls - calls // 10)
    return [Row(name="shipper: CPU an event", value=(many - few) / events, unit="us")]


def _shipped(place: Place, ours: Contender, calls: int, bootstrap: str) -> float:
    """Microseconds of processor time to ship what so many calls left in the spool."""
    place.sweep()
    with ours.open() as opened:
        opened.at_once([call(100 + number) for number in range(calls)], IN_FLIGHT)
    argv = ("--spool", str(place.spool), "--bootstrap", bootstrap, "--idle-exit", "0.2")
    with place.log("shipper").open("ab") as log:
        spent = _processor_us([sys.executable, "-m", _SHIP, *argv], log.fileno())
    if list(place.spool.glob("*.spool")):
        raise BenchError("the shipper left records behind", "its log is shown by a run by hand")
    return spent


def _processor_us(argv: Sequence[str], log: int) -> float:
    """Run a program to its end; all of its processor time, start included."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchError(f"the shipper ended with status {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1e6
