"""Rows of a result, in the shapes that database servers answer in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.facts.rows import _PIECE, rows


def text(*texts: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": one} for one in texts]}


@pytest.mark.parametrize(
    ("result", "count"),
    [
        ({"structuredContent": [1, 2, 3]}, 3),
        ({"structuredContent": {"rows": [[1], [2]], "columns": ["a"]}}, 2),
        ({"structuredContent": {"anything": [1]}}, 1),
        (text('[{"a": 1}, {"a": 2}]'), 2),
        (text('{"rows": [], "took": 3}'), 0),
        (text("[{'id': 1, 'name': 'x, [y'}, {'id': 2, 'name': None}]"), 2),
        (text("[]"), 0),
        (text("[('a', 1),]"), 1),
        (text("| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |"), 2),
        (text(" a | b\n---+---\n 1 | 2\n(1 row)"), 1),
        (text("id,name\n1,ann\n2,bob"), 2),
        (text("id\tname\n1\tann"), 1),
        (text('{"a": 1}', '{"a": 2}', '{"a": 3}'), 3),
    ],
)
def test_rows_are_counted(result: dict[str, Any], count: int) -> None:
    assert rows(result) == count


@pytest.mark.parametrize(
    "result", [{}, text("Done."), text("Hello, world.\nThis is, in a way, prose."), text("[broken"), text('{"a": 1}')]
)
def test_a_result_without_rows_has_no_count(result: dict[str, Any]) -> None:
    assert rows(result) is None


@given(st.text(alphabet="[]{}(),'\"\\ab|\n-\t"))
def test_no_text_is_too_strange(content: str) -> None:
    found = rows(text(content))
    assert found is None or found >= 0


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=8) | st.none(), max_size=3)))
def test_a_list_as_python_shows_it_is_counted(values: list[dict[str, Any]]) -> None:
    assert rows(text(repr(values))) == len(values)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_string_without_end_is_looked_at_once(quote: str) -> None:
    pieces = [piece[0] for piece in _PIECE.finditer("[" + quote + ("\\" + quote) * 100)]
    assert pieces == ["[", quote + ("\\" + quote) * 100]
    assert rows(text("[" + quote + ("\\" + quote) * 30_000)) is None
