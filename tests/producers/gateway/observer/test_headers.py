"""Headers against bodies: what a router would believe and what the server runs."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.observer.headers import header_notes, named_tool, parameter_headers

VERSION = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "limit": {"type": "integer", "x-mcp-header": "Limit"},
        "where": {"type": "object", "properties": {"dry": {"type": "boolean", "x-mcp-header": "Dry"}}},
        "list": {"type": "array", "items": {"properties": {"no": {"x-mcp-header": "No"}}}},
        "bad": {"x-mcp-header": "not a token"},
    },
}


def call(arguments: dict[str, Any] | None = None, name: str = "read") -> dict[str, Any]:
    return {"method": "tools/call", "params": {"name": name, "arguments": arguments or {}, "_meta": VERSION}}


def fields(**changes: bytes | None) -> dict[bytes, bytes]:
    given = {
        b"mcp-protocol-version": b"2026-07-28",
        b"mcp-method": b"tools/call",
        b"mcp-name": b"read",
        **{b"mcp-" + name.replace("_", "-").encode(): value for name, value in changes.items()},
    }
    return {name: value for name, value in given.items() if value is not None}


def encoded(text: str) -> bytes:
    return b"=?base64?" + base64.b64encode(text.encode()) + b"?="


def test_headers_that_mirror_the_body_are_fine() -> None:
    assert header_notes(fields(), (), call()) == []


@pytest.mark.parametrize("name", ["protocol_version", "method", "name"])
def test_a_missing_header_is_named(name: str) -> None:
    assert header_notes(fields(**{name: None}), (), call()) == [("header-missing", "mcp-" + name.replace("_", "-"))]


@pytest.mark.parametrize("name", ["protocol_version", "method", "name"])
def test_a_header_that_says_something_else_is_named(name: str) -> None:
    assert header_notes(fields(**{name: b"2026-07-29"}), (), call()) == [
        ("header-mismatch", "mcp-" + name.replace("_", "-"))
    ]


def test_an_encoded_name_is_compared_decoded() -> None:
    assert header_notes(fields(name=encoded("l\u00e9s")), (), call(name="l\u00e9s")) == []
    assert header_notes(fields(name=encoded("read")), (), call(name="write")) == [("header-mismatch", "mcp-name")]
    assert header_notes(fields(name=b"=?base64?!?="), (), call()) == [("header-mismatch", "mcp-name")]


@pytest.mark.parametrize(
    ("changes", "tool"),
    [
        ({}, "read"),
        ({"name": encoded("l\u00e9s")}, "l\u00e9s"),
        ({"name": None}, None),
        ({"method": b"prompts/get"}, None),
    ],
)
def test_headers_name_the_tool_of_a_tool_call(changes: dict[str, bytes | None], tool: str | None) -> None:
    assert named_tool(fields(**changes)) == tool


@pytest.mark.parametrize(
    ("method", "member"), [("resources/read", "uri"), ("prompts/get", "name"), ("tasks/cancel", "taskId")]
)
def test_each_method_has_its_name_elsewhere(method: str, member: str) -> None:
    body = {"method": method, "params": {member: "it", "_meta": VERSION}}
    assert header_notes(fields(method=method.encode(), name=b"it"), (), body) == []
    assert header_notes(fields(method=method.encode(), name=b"other"), (), body) == [("header-mismatch", "mcp-name")]


def test_a_modern_header_over_a_legacy_body_is_a_mismatch() -> None:
    body = {"method": "tools/call", "params": {"name": "read"}}
    assert ("header-mismatch", "mcp-protocol-version: the body has none") in header_notes(fields(), (), body)


def test_a_header_that_comes_twice_is_a_mismatch() -> None:
    assert header_notes(fields(), {b"mcp-name", b"accept"}, call()) == [("header-mismatch", "mcp-name: more than once")]


def test_only_parameters_reached_by_properties_alone_have_headers() -> None:
    assert parameter_headers(SCHEMA) == {
        "mcp-param-region": ("region",),
        "mcp-param-limit": ("limit",),
        "mcp-param-dry": ("where", "dry"),
    }


@pytest.mark.parametrize(
    ("arguments", "headers", "notes"),
    [
        (
            {"region": "eu", "limit": 42, "where": {"dry": True}},
            {"region": b"eu", "limit": b"42.0", "dry": b"true"},
            [],
        ),
        ({"region": "eu"}, {}, [("header-missing", "mcp-param-region")]),
        ({"region": None}, {}, []),
        ({}, {"region": b"eu"}, [("header-mismatch", "mcp-param-region: the body has none")]),
        ({"region": "eu"}, {"region": b"us"}, [("header-mismatch", "mcp-param-region")]),
        ({"limit": 1}, {"limit": b"true"}, [("header-mismatch", "mcp-param-limit")]),
        ({"where": {"dry": False}}, {"dry": b"False"}, [("header-mismatch", "mcp-param-dry")]),
    ],
)
def test_parameters_are_mirrored(
    arguments: dict[str, Any], headers: dict[str, bytes], notes: list[tuple[str, str]]
) -> None:
    given = fields(**{"param_" + name: value for name, value in headers.items()})
    assert header_notes(given, (), call(arguments), parameters=parameter_headers(SCHEMA)) == notes


def test_a_legacy_client_names_the_negotiated_version_where_it_has_to() -> None:
    body = {"method": "tools/call", "params": {"name": "read"}}
    assert header_notes({}, (), body, negotiated="2025-11-25") == [("header-missing", "mcp-protocol-version")]
    assert header_notes({}, (), body, negotiated="2025-03-26") == []
    assert header_notes({b"mcp-protocol-version": b"2025-11-25"}, (), body, negotiated="2025-11-25") == []
    assert header_notes({b"mcp-protocol-version": b"2025-06-18"}, (), body, negotiated="2025-11-25") == [
        ("header-mismatch", "mcp-protocol-version")
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)


@given(JSON, JSON, st.binary(max_size=20))
def test_no_body_is_too_strange(params: object, arguments: object, value: bytes) -> None:
    for holder in (params, {"arguments": arguments, "name": params, "_meta": VERSION}):
        for method in ("tools/call", params):
            notes = header_notes(
                dict.fromkeys(fields(), value),
                (),
                {"method": method, "params": holder},
                negotiated="2025-11-25",
                parameters={"mcp-param-a": ("a", "b")},
            )
            assert {name for name, _ in notes} <= {"header-missing", "header-mismatch", "version-downgrade"}
    assert all(name.startswith("mcp-param-") for name in parameter_headers({"properties": params}))
