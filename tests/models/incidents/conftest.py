"""Findings to make incidents of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from triptych.models.events import TimelineEntry
from triptych.models.incidents.member import Member

START_NS = 1_790_000_000_000_000_000


@pytest.fixture(scope="session")
def member() -> Callable[..., Member]:
    """`member("a", at_s=0, workload="w")`: a finding with one line of timeline."""

    def build(name: str, at_s: float = 0.0, **values: Any) -> Member:
        began = START_NS + round(at_s * 1e9)
        line = TimelineEntry(wall_ns=began, layer="execution", title=f"{name} read a key", source=name, notable=True)
        told: dict[str, Any] = {
            "uid": f"trp-{name}", "sequence": 1, "title": f"finding {name}", "severity": "high", "risk": 80.0,
            "confidence": 70, "started_ns": began, "ended_ns": began + 10**9, "timeline": (line,),
        }  # fmt: skip
        return Member(**{**told, **values})

    return build
