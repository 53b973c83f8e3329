"""The table goes between its marks, and nowhere else."""

from __future__ import annotations

import pytest

from triptych.infra.bench.report import Row
from triptych.infra.bench.sensor.page import PAGE, put
from triptych.models.errors import ConfigError

ROWS = [
    Row(name="memory", value=41.5, unit="MB", at_most=40),
    Row(name="opens", value=300_000, unit=""),
]


def test_a_table_takes_the_place_of_the_one_before() -> None:
    text = "head\n<!-- bench-sensor -->\nold\n<!-- /bench-sensor -->\nfoot\n"
    once = put(text, ROWS)
    assert once.startswith("head\n<!-- bench-sensor -->\n| figure |")
    assert once.endswith("<!-- /bench-sensor -->\nfoot\n")
    assert "old" not in once
    assert "| memory | 41.5 | MB | <= 40 (missed) |\n| opens | 300,000 |  |  |" in once
    assert put(once, ROWS) == once


def test_a_page_without_marks_is_left_alone() -> None:
    with pytest.raises(ConfigError, match="no place"):
        put("head\n<!-- bench-sensor -->\n", ROWS)


def test_the_page_of_the_kernel_half_has_the_marks() -> None:
    assert "<!-- bench-sensor -->" in put(PAGE.read_text(), ROWS)
