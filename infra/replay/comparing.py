"""Two sets of findings held against each other: what is new, what is gone, what is judged in another way. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ...models.events import Alert

__all__ = ["Difference", "compare"]

Kind = Literal["same", "revised", "changed", "gone", "new"]

_LEAST_RISK = 0.5  # risks are shown without decimals


@dataclass(frozen=True, slots=True)
class Difference:
    """One finding, before and now. `revised`: only the number of its revisions differs, which depends on what arrived
    together; every other kind but `same` is a difference in the verdict."""

    finding_uid: str
    kind: Kind
    before: Alert | None
    now: Alert | None
    fields: tuple[str, ...] = ()

    @property
    def matters(self) -> bool:
        return self.kind in ("changed", "gone", "new")

    @property
    def alert(self) -> Alert:
        """The finding itself, as it is now if it still is."""
        alert = self.now or self.before
        assert alert is not None  # noqa: S101  one of the two sets has it
        return alert


def compare(before: Mapping[str, Alert], now: Mapping[str, Alert]) -> list[Difference]:
    """Every finding of either set, in the order of time."""
    found = [_difference(uid, before.get(uid), now.get(uid)) for uid in before.keys() | now.keys()]
    return sorted(found, key=lambda one: (one.alert.wall_ns, one.finding_uid))


def _difference(uid: str, before: Alert | None, now: Alert | None) -> Difference:
    if before is None or now is None:
        return Difference(uid, "new" if before is None else "gone", before, now)
    fields = _changed(before, now)
    if fields:
        return Difference(uid, "changed", before, now, fields)
    return Difference(uid, "same" if before.sequence == now.sequence else "revised", before, now)


def _changed(before: Alert, now: Alert) -> tuple[str, ...]:
    differs = {
        "severity": before.severity != now.severity,
        "risk": abs(before.risk - now.risk) >= _LEAST_RISK,
        "rules": {hit.id for hit in before.rules} != {hit.id for hit in now.rules},
    }
    return tuple(name for name, different in differs.items() if different)
