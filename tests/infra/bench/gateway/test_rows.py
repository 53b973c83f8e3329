"""From samples to figures: differences and ratios within a round, medians over rounds."""

from __future__ import annotations

from collections.abc import Mapping

from triptych.infra.bench.gateway.contender import AGAIN, DIRECT, LEASED, OURS, PUMP
from triptych.infra.bench.gateway.rows import STDIO, rows
from triptych.infra.bench.gateway.sample import ECHO, Load, Sample, Timing


def _sample(p50: float, *, cpu: float = 10.0, rate: float = 1000.0) -> Sample:
    timings = {ECHO: Timing(p50=p50, p99=p50 * 2, cpu=cpu), "other": Timing(p50=p50 * 3, p99=p50 * 4, cpu=cpu * 2)}
    return Sample(timings=timings, load=Load(rate=rate, cpu=cpu / 2, generator=0.2), start_ms=40, rss=20)


def _round(direct: float, **more: Sample) -> Mapping[str, Sample]:
    return {
        DIRECT: _sample(direct),
        AGAIN: _sample(direct),
        PUMP: _sample(direct + 20, cpu=20, rate=100_000),
        OURS: _sample(direct + 60, cpu=50, rate=25_000),
        "peer": _sample(direct + 1200, cpu=1000, rate=500),
        **more,
    }


def _figures(*rounds: Mapping[str, Sample]) -> dict[str, float]:
    return {row.name: row.value for row in rows("stdio", rounds, STDIO)}


def test_added_time_is_over_direct_of_the_same_round() -> None:
    calm, busy = _round(40), _round(140)
    assert _figures(calm, busy, busy)["stdio ours: added p50"] == 60


def test_a_ratio_of_latency_is_of_what_is_added() -> None:
    assert _figures(_round(40))["stdio ours ahead of peer: added p50"] == 20


def test_a_gateway_that_adds_nothing_is_not_ahead_without_end() -> None:
    figures = _figures({**_round(40), OURS: _sample(39)})
    assert figures["stdio ours ahead of peer: added p50"] == 1200


def test_throughput_and_processor_time_count_against_peers_too() -> None:
    figures = _figures(_round(40))
    assert figures["stdio ours ahead of peer: calls/s at 32"] == 50
    assert figures["stdio ours ahead of peer: CPU a call"] == 20
    assert figures["stdio ours over pump: CPU a call"] == 2.5


def test_the_lease_is_measured_over_ours_and_only_where_it_was_held() -> None:
    leased = _round(40, **{LEASED: _sample(220)})
    assert _figures(leased)["stdio lease: added p50"] == 120
    assert "stdio lease: added p50" not in _figures(_round(40))


def test_every_bar_of_a_transport_stands_in_some_row() -> None:
    bars = {row.bar for row in rows("stdio", [_round(40, **{LEASED: _sample(220)})], STDIO)}
    wanted = {STDIO.p50, STDIO.p99, STDIO.cpu, STDIO.rate, STDIO.rss, STDIO.ahead, STDIO.pumps, STDIO.lease}
    assert wanted <= bars


def test_other_shapes_come_without_bars() -> None:
    found = [row for row in rows("stdio", [_round(40)], STDIO) if "other" in row.name]
    assert len(found) == 4
    assert all(row.bar is None for row in found)
