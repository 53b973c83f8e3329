"""More events than a server makes: how many a second the sensor takes, and whether each is told or told as lost."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from ..cost import cpu_us
from ..errors import BenchError
from .lessee import Lessee
from .tracers import sensing
from .work import Work, Workshop

__all__ = ["Flood", "flood"]

_SETTLED_S = 1.5  # the sensor reads what is left, and its heartbeat passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """Opens that happened, that were listed, that were over the budget and counted, that were told as lost; the
    nanoseconds of the loop, and the microseconds of processor time that the sensor took."""

    happened: int
    listed: int
    counted: int
    lost: int
    took_ns: float
    cpu_us: float

    @property
    def unaccounted(self) -> int:
        return abs(self.happened - self.listed - self.counted - self.lost)

    @property
    def happened_per_s(self) -> float:
        return self.happened / (self.took_ns / 1e9)

    @property
    def taken_per_s(self) -> float:
        """While the sensor has a core."""
        return (self.listed + self.counted) / (self.cpu_us / 1e6)


def flood(workshop: Workshop, work: Work, folder: Path, *, stalled: bool = False) -> Flood:
    """`work` under a sensor that reads along, or one that is stopped meanwhile."""
    account = folder / "account.json"
    account.unlink(missing_ok=True)
    with sensing(folder, account) as (lease, process):
        leases: list[Lessee] = []
        spent: list[float] = []

        def watch(pid: int) -> None:
            leases.append(Lessee(lease, pid))
            spent.append(cpu_us(process.pid))
            if stalled:
                os.kill(process.pid, signal.SIGSTOP)

        def read_on() -> None:
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(_SETTLED_S)
            spent.append(cpu_us(process.pid))

        took = workshop.run(work, before=watch, after=read_on)
        for held in leases:
            held.close()
    if not account.exists():
        raise BenchError("the sensor did not tell what it counted")
    counted = orjson.loads(account.read_bytes())
    return Flood(
        happened=work.times,
        listed=counted.get("open", 0),
        counted=counted.get("limited", 0),
        lost=counted.get("lost", 0),
        took_ns=took.all_ns,
        cpu_us=spent[1] - spent[0],
    )
