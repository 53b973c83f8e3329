"""Incidents of a replay: each is rendered once, as it was told last. A worker renders every revision."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import orjson

from ...models.incidents import ocsf
from ...models.incidents.incident import Incident
from .. import incidents

__all__ = ["LastTold"]


class _Last(NamedTuple):
    incident: Incident
    render: partial[bytes]


class LastTold:
    """Stands in the place of the renderer of the stage `incidents`."""

    def __init__(self) -> None:
        self._last: dict[str, _Last] = {}

    def __call__(self, incident: Incident, *, tenant: str, version: str) -> bytes:
        """Keep it. There is nothing to publish."""
        known = self._last.get(incident.uid)
        if known is None or _place(incident) >= _place(known.incident):
            render = partial(ocsf.render, incident, tenant=tenant, version=version)
            self._last[incident.uid] = _Last(incident, render)
        return b""

    def rendered(self) -> list[incidents.Incident]:
        """In the order of time."""
        return incidents.newest(orjson.loads(last.render()) for last in self._last.values())


def _place(incident: Incident) -> tuple[bool, int]:
    """One that became a part of another stays so (infra.incidents.newest)."""
    return bool(incident.into), incident.revision
