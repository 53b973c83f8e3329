"""Two ways through a parsed value see the same value."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.facts.walk import path, survey, walk

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=25,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=4)
PLENTY = 10_000


def nesting(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(nesting, value.values() if isinstance(value, dict) else value), default=0)


@given(OBJECTS)
def test_a_survey_counts_what_a_walk_lists(value: dict[str, Any]) -> None:
    found, listed = survey(value), walk(value, PLENTY)
    assert sorted(found.texts) == sorted(leaf for _, leaf, _ in listed.leaves if isinstance(leaf, str))
    assert found.texts[: found.beside] == [item for item in value.values() if isinstance(item, str)]
    assert (found.scalars, found.depth) == (len(listed.leaves), nesting(value))
    assert (listed.depth, listed.whole) == (found.depth, True)


@given(JSON)
def test_a_pointer_leads_to_its_value(value: Any) -> None:
    for _, leaf, link in walk(value, PLENTY).leaves:
        node = value if isinstance(value, dict | list) else {"": value}
        for name in path(link):
            node = node[int(name)] if isinstance(node, list) else node[name]
        assert node is leaf


@given(JSON, st.integers(1, 30))
def test_a_walk_stops_at_its_bound_and_says_so(value: Any, most: int) -> None:
    every, some = walk(value, PLENTY).leaves, walk(value, most)
    assert [leaf for _, leaf, _ in some.leaves] == [leaf for _, leaf, _ in every[:most]]
    assert some.whole == (len(every) <= most)


@pytest.mark.parametrize("text", [b"[" * 1000 + b"]" * 1000, b'{"a":' * 1000 + b"1" + b"}" * 1000])
def test_depth_is_no_recursion(text: bytes) -> None:
    value = orjson.loads(text)
    assert survey({"": value}).depth == 1001
    assert len(walk(value, PLENTY).leaves) <= 1
