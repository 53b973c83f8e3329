"""How far servers have moved, day by day, from the samples that workers keep of closed turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ...models.drift import Drift, drift
from ...streams import samples
from ...streams.modelstore import ModelStore

__all__ = ["Report", "report"]

_BEFORE = 7
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Report:
    """One server on one day (UTC). `turns`: about so many there were."""

    server: str
    day: str
    turns: int
    drift: Drift

    def plain(self) -> dict[str, Any]:
        return {"server": self.server, "day": self.day, **asdict(self.drift), "sampled": self.drift.turns} | {
            "turns": self.turns
        }


async def report(store: ModelStore, *, nominal: float, last: int, server: str = "") -> list[Report]:
    """The latest `last` days of each server against the up to seven days before each, oldest first."""
    known = [name for name in sorted(await store.sessions()) if server in ("", name)]
    told = []
    for name, days in zip(known, await samples.days(store, known), strict=True):
        told += await _of_server(store, name, days, last, nominal)
    return told


async def _of_server(store: ModelStore, server: str, days: Sequence[int], last: int, nominal: float) -> list[Report]:
    wanted = list(days)[-last - _BEFORE :]
    found = dict(zip(wanted, await samples.read(store, [samples.of_day(server, day) for day in wanted]), strict=True))
    told = []
    for day in wanted[-last:]:
        before = [one for other in wanted if day - _BEFORE <= other < day for one in found[other].seen]
        told.append(Report(server, _date(day), found[day].turns, drift(found[day].seen, before, nominal=nominal)))
    return told


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY_S, UTC).date().isoformat()
