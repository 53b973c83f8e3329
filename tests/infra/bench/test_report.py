"""Rows with their bars, and the record of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from triptych.infra.bench.report import Report, Row
from triptych.models.errors import ConfigError

LATENCY = Row(name="added p50", value=87.25, unit="us", at_most=100)
SLOW = Row(name="calls/s", value=19_000, unit="1/s", at_least=20_000)
PLAIN = Row(name="memory", value=21.5, unit="MB")


def _report(*rows: Row) -> Report:
    return Report(name="x", machine={"cores": 2}, versions={"python": "3.11"}, rows=rows)


@pytest.mark.parametrize(("value", "ok"), [(99.9, True), (100.0, True), (100.1, False)])
def test_a_ceiling_may_be_reached_and_not_passed(value: float, ok: bool) -> None:
    assert Row(name="x", value=value, unit="us", at_most=100).ok is ok


@pytest.mark.parametrize(("value", "ok"), [(19_999, False), (20_000, True), (20_001, True)])
def test_a_floor_has_to_be_reached(value: float, ok: bool) -> None:
    assert Row(name="x", value=value, unit="1/s", at_least=20_000).ok is ok


def test_a_row_with_two_bars_is_refused() -> None:
    with pytest.raises(ConfigError, match="two bars"):
        Row(name="x", value=1, unit="", at_most=1, at_least=1)


def test_only_a_missed_bar_falls_short() -> None:
    assert _report(LATENCY, SLOW, PLAIN).short == [SLOW]


def test_the_record_has_the_agreed_shape(tmp_path: Path) -> None:
    file = tmp_path / "new" / "x.json"
    _report(LATENCY, PLAIN).write(file)
    assert json.loads(file.read_text()) == {
        "machine": {"cores": 2},
        "versions": {"python": "3.11"},
        "rows": [
            {"name": "added p50", "value": 87.25, "unit": "us", "bar": 100, "ok": True},
            {"name": "memory", "value": 21.5, "unit": "MB", "bar": None, "ok": True},
        ],
    }


def test_the_table_shows_each_figure_beside_its_bar() -> None:
    console = Console(width=100)
    with console.capture() as shown:
        console.print(_report(LATENCY, SLOW, PLAIN).table())
    lines = [line for line in shown.get().splitlines() if "│" in line]
    assert [("<= 100" in line, ">= 20,000  short" in line) for line in lines] == [
        (True, False),
        (False, True),
        (False, False),
    ]
