"""`make bench-gateway`: what the gateway adds to a call, beside direct calls, a byte pump and the proxies of others."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ....models.errors import ConfigError
from ..report import Row
from ..run import Measured, Plan, main
from . import bulk, http, peers, rows, shipping, starts, stdio
from .compiled import COMPILED, compiled
from .contender import OURS, Contender, refused, take_turns
from .place import Place
from .sample import Pace
from .sensor import lacking

__all__ = ["measure"]

_PARTS = ("", "stdio", "http")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """How much of everything."""

    pace: Pace
    rounds: int
    starts: int
    amount: bulk.Amount
    shipped: int


_WHOLE = _Size(
    pace=Pace(calls=3000, loaded=20_000, warm=500),
    rounds=5,
    starts=25,
    amount=bulk.Amount(size=10_000_000, results=10, waves=10),
    shipped=20_000,
)
_QUICK = _Size(
    pace=Pace(calls=200, loaded=600, warm=50),
    rounds=1,
    starts=3,
    amount=bulk.Amount(size=200_000, results=2, waves=2),
    shipped=400,
)


def measure(plan: Plan) -> Measured:
    """Both transports in turn, or the one that was asked for."""
    if plan.only not in _PARTS:
        raise ConfigError(f"there is no part {plan.only!r}", "choose stdio or http")
    programs = peers.installed() if plan.quick else peers.install(plan.tell)
    lack = lacking()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Place(Path(folder), build=compiled(plan.tell, build=not plan.quick))
        place.furnish()
        run = _Run(plan, place, peers.Peers(programs, place.folder), not lack)
        with http.upstream(place.log("upstream")) as server:
            found = [] if plan.only == "http" else run.stdio(server)
            found += [] if plan.only == "stdio" else run.http(server)
    remarks = [f"the sensor's lease ({lack})"] if lack else run.remarks
    absent = [f"{name} (not installed)" for name in peers.PEERS if name not in programs]
    ran = COMPILED if place.build else "Python"
    return Measured(rows=found, versions={"gateway": ran, **peers.versions()}, remarks=[*remarks, *absent])


@dataclass(frozen=True, slots=True)
class _Run:
    """What all parts need. `leased` says whether a sensor can run here; `remarks` grow with what it refuses."""

    plan: Plan
    place: Place
    others: peers.Peers
    leased: bool
    remarks: list[str] = field(default_factory=list)

    @property
    def size(self) -> _Size:
        return _QUICK if self.plan.quick else _WHOLE

    def stdio(self, server: http.Upstream) -> list[Row]:
        contenders = stdio.contenders(self.place, self.others, server.port, sensor=self.leased)
        ours = _ours(contenders)
        return [
            *starts.first_bytes(self.place, self.size.starts, self.plan.tell),
            *self._rounds("stdio", contenders, rows.STDIO),
            *bulk.large("stdio", ours, self.size.amount, self.plan.tell),
            *shipping.per_event(self.place, ours, self.size.shipped, self.plan.tell),
        ]

    def http(self, server: http.Upstream) -> list[Row]:
        contenders = http.contenders(self.place, self.others, server, sensor=self.leased)
        ours = _ours(contenders)
        return [
            *self._rounds("http", contenders, rows.HTTP),
            *bulk.large("http", ours, self.size.amount, self.plan.tell),
            *bulk.concurrent(ours, self.size.amount, self.plan.tell),
        ]

    def _rounds(self, transport: str, contenders: list[Contender], bars: rows.Bars) -> list[Row]:
        def tell(text: str) -> None:
            self.plan.tell(f"{transport} {text}")

        for leased in [one for one in contenders if one.leased and refused(one, self.place)]:
            self.remarks.append(f"{transport} {leased.name} (the sensor refuses the lease)")
            contenders.remove(leased)
        return rows.rows(transport, take_turns(contenders, self.place, self.size.pace, self.size.rounds, tell), bars)


def _ours(contenders: list[Contender]) -> Contender:
    return next(contender for contender in contenders if contender.name == OURS)


if __name__ == "__main__":
    sys.exit(main("gateway", measure, packages=("orjson", "uvloop", "httptools")))
