"""JSON with comments is read as clients read it, and every value is found where it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.adoption.jsonc import Edit, JsoncError, Node, comments, edited, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def _value(text: str, node: Node) -> Any:
    if node.kind == "object":
        return {member.name.text: _value(text, member.value) for member in node.members}
    if node.kind == "array":
        return [_value(text, item) for item in node.items]
    return json.loads(text[node.start : node.end])


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in (*(member.value for member in node.members), *node.items):
        yield from _nodes(child)


@given(JSON, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_plain_json_is_read_as_the_standard_library_reads_it(value: Any, indent: Any, escaped: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    root = parse(text)
    assert _value(text, root) == value
    assert all(json.loads(text[node.start : node.end]) == _value(text, node) for node in _nodes(root))


def test_comments_and_trailing_commas_are_no_values() -> None:
    text = '\ufeff// a "b"\n{ /* { */ "x": [1, /**/ 2,], // }\r\n "y": "/* no comment */",\n}\n/* end **/'
    assert _value(text, parse(text)) == {"x": [1, 2], "y": "/* no comment */"}
    assert [text[start:end] for start, end in comments(text)] == ['// a "b"', "/* { */", "/**/", "// }", "/* end **/"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1, column 1: a value is missing"),
        ('{"a": 1 "b": 2}', "line 1, column 9: , or } is missing"),
        ('{"a"\n  1}', "line 2, column 3: : is missing"),
        ("{,}", "line 1, column 2: a name or } is missing"),
        ("[1,,2]", "line 1, column 4: a value is missing"),
        ("{} x", "line 1, column 4: there is more behind the end"),
        ('{"a": "b\n"}', "line 1, column 7: a text has no end"),
        ('["\\x"]', "Invalid"),
        ("[1] /* open", "line 1, column 5: there is more"),
        ("[" * 5000, "nested deeper than 100"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(text: str, says: str) -> None:
    with pytest.raises(JsoncError, match=says.replace("(", r"\(")):
        parse(text)


@given(st.text('{}[]",:/*\n\\x1- ', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert parse(text).end <= len(text)
    except JsoncError as error:
        assert str(error).startswith("line ")


def test_edits_are_made_at_their_places_whatever_their_order() -> None:
    assert edited("abcdef", [Edit(4, 5, "E!"), Edit(0, 1, ""), Edit(2, 2, "-")]) == "b-cdE!f"


def test_of_two_members_the_last_counts_and_both_are_known() -> None:
    node = parse('{"a": 1, "a": "x", "b": 2}')
    assert node.repeated == ["a"]
    assert (found := node.member("a")) is not None
    assert found.text == "x"
