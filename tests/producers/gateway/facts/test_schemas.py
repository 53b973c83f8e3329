"""Schemas that would make their reader do something, and texts that speak of other tools."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.facts.budget import Budget
from triptych.producers.gateway.facts.definitions import tool_definitions
from triptych.producers.gateway.facts.jcs import canonical, canonical_bytes
from triptych.producers.gateway.facts.schemas import schema_tags


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    ("schema", "tags"),
    [
        ({"$ref": "https://evil.example/schema.json"}, {"network-ref"}),
        ({"items": [{"anyOf": [{"$ref": "//evil.example/x"}]}]}, {"network-ref"}),
        ({"$dynamicRef": "FILE:///etc/passwd"}, {"network-ref"}),
        (nested(40), {"schema-too-deep"}),
        ({"properties": {str(n): {} for n in range(5000)}}, {"schema-too-large"}),
        ({"properties": {"api_key": {"x-mcp-header": "Key"}}}, {"secret-header"}),
        ({"properties": {"k": {"x-mcp-header": "K", "description": "The user's password"}}}, {"secret-header"}),
        ({"properties": {"k": {"x-mcp-header": "Auth-Token"}}}, {"secret-header"}),
    ],
)
def test_what_a_schema_would_do_is_tagged(schema: dict[str, Any], tags: set[str]) -> None:
    assert schema_tags(schema) == tags


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.org/x"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "other.json"}}},
        {"properties": {"$ref": {"type": "string", "description": "https://x"}}},
        {"properties": {"region": {"x-mcp-header": "Region"}, "password": {"type": "string"}}},
        nested(20),
    ],
)
def test_ordinary_schemas_have_no_tag(schema: object) -> None:
    assert schema_tags(schema) == set()


def tags(*tools: dict[str, Any]) -> list[list[str]]:
    return [list(found["tags"]) for found in tool_definitions(list(tools), Budget(), str)]


@pytest.mark.parametrize(
    "text", ["Call send_mail first.", "like `send`", "Use the send tool for this", "see sendMail.", "(send_mail)"]
)
def test_a_text_that_names_another_tool_of_the_list_is_tagged(text: str) -> None:
    others = [{"name": name} for name in ("send_mail", "send", "sendMail")]
    assert tags({"name": "read", "description": text}, *others)[0] == ["other-tool"]


@pytest.mark.parametrize("text", ["Reads what others send.", "read_file reads", "send_mails", ""])
def test_ordinary_words_name_no_tool(text: str) -> None:
    assert tags({"name": "read_file", "description": text}, {"name": "send_mail"}, {"name": "send"})[0] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(JSON)
def test_the_fast_canonical_text_is_the_canonical_text(value: object) -> None:
    assert canonical_bytes(value) == canonical(value).encode("utf-8", "surrogatepass")


@given(JSON)
def test_no_definition_is_too_strange(value: object) -> None:
    tool = {"name": "t", "inputSchema": value, "annotations": value, "description": value}
    (found,) = tool_definitions([tool], Budget(), str)
    assert (found["name"], len(found["digest"])) == ("t", 64)
    assert schema_tags(value) <= {"network-ref", "schema-too-deep", "schema-too-large", "secret-header"}


def test_names_that_utf16_sorts_otherwise_take_the_slow_way() -> None:
    value = {"\U0001f600": 1, "\ufb33": 2}
    assert canonical_bytes(value) == canonical(value).encode() != orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
