"""Times to figures, and the bars they must hold."""

from __future__ import annotations

import pytest

from triptych.infra.bench.report import Row
from triptych.infra.bench.sensor.flood import Flood
from triptych.infra.bench.sensor.rows import NONE, UNWATCHED, WATCHED, Turn, flood_rows, rows

CALLS = {"getppid": 1, "open": 2, "compile": 0}


def _turn(getppid: float, opening: float, compiling: float, rss: float = 0) -> Turn:
    return Turn({"getppid": getppid, "open": opening, "compile": compiling * 1e6}, rss)


ROUNDS = [
    {NONE: _turn(100, 2000, 200), UNWATCHED: _turn(900, 2600, 220, 30), WATCHED: _turn(300, 5000, 250, 35)},
    {NONE: _turn(150, 2500, 210), UNWATCHED: _turn(300, 2700, 230, 31), WATCHED: _turn(310, 5000, 240, 41)},
]


def _found(name: str) -> Row:
    return next(row for row in rows(ROUNDS, CALLS) if row.name == name)


def test_the_least_of_the_rounds_counts() -> None:
    assert _found("getppid: none").value == 100
    assert _found(f"getppid: {UNWATCHED}").value == 3


def test_what_is_added_is_told_for_each_system_call() -> None:
    assert _found(f"open: {UNWATCHED}, added to a system call").value == pytest.approx(0.3)
    assert _found(f"open: {UNWATCHED}, added to a system call").ok


def test_a_compilation_that_takes_a_fifth_longer_misses_its_bar() -> None:
    assert _found(f"compile: {UNWATCHED}").ok
    assert not _found(f"compile: {WATCHED}").ok


def test_the_most_memory_counts() -> None:
    assert not _found(f"memory: {WATCHED}").ok


def _flood(**other: int) -> Flood:
    happened = {"happened": 100, "listed": 60, "counted": 10, "lost": 30}
    return Flood(**(happened | other), took_ns=1e9, cpu_us=1000)


def test_one_event_that_nobody_accounts_for_misses_the_bar() -> None:
    assert all(row.ok for row in flood_rows("running", _flood()))
    assert [row.name for row in flood_rows("running", _flood(lost=29)) if not row.ok] == [
        "running: neither told nor told as lost"
    ]


def test_a_stalled_reader_need_not_be_quick() -> None:
    slow = _flood(listed=0, counted=0, lost=100)
    assert all(row.ok for row in flood_rows("stalled reader", slow))
    assert not all(row.ok for row in flood_rows("running reader", slow))
