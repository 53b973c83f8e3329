"""Health: a reader that stands still with records waiting is found, one that has nothing to read is not."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from starlette.testclient import TestClient

from triptych.streams.chunks import Progress
from triptych.streams.health import Health, StalledError, pages
from triptych.streams.metrics import Metrics

HERE = ("mcp.protocol", 3)


def observed(*positions: tuple[float, int, int], excused: Collection[tuple[str, int]] = ()) -> Health:
    health = Health(stalled_s=10)
    for at, position, end in positions:
        health.observe({HERE: Progress(position, end, waiting=False)}, at, excused=excused)
    return health


def test_a_reader_that_does_not_move_with_records_waiting_is_stalled() -> None:
    health = observed((0, 5, 9), (9, 5, 9))
    health.check()
    health.observe({HERE: Progress(5, 9, waiting=False)}, 10.5)
    with pytest.raises(StalledError, match=r"mcp\.protocol/3"):
        health.check()


@pytest.mark.parametrize(
    "positions", [[(0, 9, 9), (50, 9, 9)], [(0, 5, 9), (9, 6, 9), (18, 7, 9)]], ids=["nothing to read", "it moves"]
)
def test_a_reader_at_its_end_or_on_the_move_is_not(positions: list[tuple[float, int, int]]) -> None:
    observed(*positions).check()


def test_a_place_that_is_excused_may_stand_still_and_no_other() -> None:
    observed((0, 5, 9), (50, 5, 9), excused={HERE}).check()
    with pytest.raises(StalledError):
        observed((0, 5, 9), (50, 5, 9), excused={("mcp.execution", 3)}).check()


def test_the_pages_tell_liveness_readiness_and_metrics() -> None:
    metrics, health = Metrics(), Health(stalled_s=10)
    client = TestClient(pages(health, metrics))
    assert (client.get("/readyz").status_code, client.get("/healthz").status_code) == (503, 200)
    health.observe({HERE: Progress(5, 9, waiting=False)}, 0)
    assert client.get("/readyz").json() == {"ok": True, "lag": 4}
    health.observe({HERE: Progress(5, 9, waiting=False)}, 11)
    assert client.get("/healthz").json() == {"ok": False, "stalled": ["mcp.protocol/3"]}
    metrics.dead_letters.labels("calls", "W01").inc()
    assert 'triptych_dead_letters_total{code="W01",stage="calls"} 1.0' in client.get("/metrics").text
