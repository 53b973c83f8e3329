"""The matrix as tables in a document."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.infra.kernels.catalogue import Series
from triptych.infra.kernels.errors import KernelsError
from triptych.infra.kernels.matrix import Row
from triptych.infra.kernels.report import BEGIN, END, publish, tables

TOLD = {
    "programs": ["sys_exit"],
    "missing": {"bytes": "tracepoint a|b\nand more"},
    "events": ["open path=~", "open path=~", "sum path=~"],
    "lost": 0,
}
ROWS = [
    Row(Series("6.1", "amd64"), "6.1.0-50", TOLD),
    Row(Series("7.0", "amd64"), "", {}, "no package"),
    Row(Series("newest", "arm64"), "7.3.4", TOLD | {"programs": ["sys_exit", "sock_send_length"], "missing": {}}),
]


def test_every_kernel_has_a_line_in_both_tables_and_a_failure_says_why() -> None:
    hooks, events = tables(ROWS).split("\n\n")
    assert "| 6.1.0-50 amd64 | bytes (tracepoint a/b) | - | yes |" in hooks
    assert "| 7.0 amd64 | **no package** |" in hooks
    assert "| 7.3.4 arm64 | nothing | yes | yes |" in hooks
    assert events.splitlines()[2].split(" | ")[4] == "2"
    assert len({line.count("|") for line in hooks.splitlines()}) == 1


def test_the_tables_replace_what_stands_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    publish(page, "new")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


def test_a_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("text")
    with pytest.raises(KernelsError, match="no place"):
        publish(page, "new")
    assert page.read_text() == "text"
