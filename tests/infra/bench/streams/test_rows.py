"""Which figure has which bar."""

from __future__ import annotations

from triptych.infra.bench.report import Row
from triptych.infra.bench.streams import rows
from triptych.infra.bench.streams.contenders import BARE, STOCK
from triptych.infra.bench.streams.rows import OURS, TWO

GOOD = {BARE: 9_000.0, STOCK: 2_000.0, OURS: 6_500.0, TWO: 6_400.0}


def short(found: list[Row]) -> int:
    return sum(not row.ok for row in found)


def test_a_round_that_holds_every_bar_has_no_short_row() -> None:
    assert short(list(rows.calls([GOOD]))) == 0
    assert short(list(rows.noise([{BARE: 700.0, OURS: 701.0}]))) == 0


def test_every_bar_is_missed_by_a_worker_that_is_too_slow() -> None:
    assert short(list(rows.calls([{**GOOD, OURS: 5_000.0, TWO: 4_000.0}]))) == 4
    assert short(list(rows.noise([{BARE: 700.0, OURS: 699.0}]))) == 1


def test_a_ratio_is_that_of_its_round() -> None:
    slow = {name: figure / 10 for name, figure in GOOD.items()}
    over = {row.name: row.value for row in rows.calls([slow, GOOD, slow])}
    assert over[f"{OURS} over {STOCK}"] == GOOD[OURS] / GOOD[STOCK]
