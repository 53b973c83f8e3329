"""Reading: as lenient as the most lenient server, and outspoken about every difference."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.observer.parse import Parsed, compact, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_well_formed_text_is_read_as_it_is_without_an_anomaly(
    value: object, marks: tuple[str, str], ascii_only: bool
) -> None:
    text = json.dumps(value, separators=marks, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    parsed = parse(text)
    assert parsed.anomalies <= {"invalid-utf8"}
    if not parsed.anomalies:
        assert parsed.value == value


@given(st.binary(max_size=60))
def test_no_bytes_raise(data: bytes) -> None:
    assert all(isinstance(parse(data, complete=complete), Parsed) for complete in (True, False))


@pytest.mark.parametrize(
    ("text", "anomaly", "value"),
    [
        (b'{"a":1,"a":2}', "duplicate-key", {"a": 2}),
        (b'{"o":{"x":1,"x":1}}', "duplicate-key", {"o": {"x": 1}}),
        (b'{"a":1e5,"a":1,"b":11111111}', "duplicate-key", {"a": 1, "b": 11111111}),
        (b"\xef\xbb\xbf{}", "bom", {}),
        (b'{"a":"\xff"}', "invalid-utf8", {"a": "\ufffd"}),
        (b'{"a":9007199254740993}', "big-int", {"a": 9007199254740993}),
        (b'{"a":123456789012345678901}', "big-int", {"a": 123456789012345678901}),
        (b"{} {}", "trailing-data", {}),
        (b"nonsense", "invalid-json", None),
        (b'{"a":', "invalid-json", None),
    ],
)
def test_what_parsers_disagree_on_is_named(text: bytes, anomaly: str, value: object) -> None:
    parsed = parse(text)
    assert anomaly in parsed.anomalies
    assert parsed.value == value


def test_nan_is_read_and_named() -> None:
    parsed = parse(b'{"a":NaN}')
    assert parsed.anomalies == {"nan"}
    assert parsed.value["a"] != parsed.value["a"]


def test_a_message_too_deep_for_us_still_shows_what_node_would_run() -> None:
    deep = (
        b'{"jsonrpc":"2.0","params":{"arguments":' + b"[" * 5000 + b"]" * 5000 + b',"name":"x"},"id":"q","method":"m"}'
    )
    parsed = parse(deep)
    assert parsed.anomalies == {"too-deep"}
    assert parsed.value == {"jsonrpc": "2.0", "id": "q", "method": "m", "params": {"name": "x"}}


def test_a_cut_message_shows_its_first_members() -> None:
    parsed = parse(b'{"id":4,"method":"tools/call","params":{"name":"t","arguments":{"text":"aaaa', complete=False)
    assert parsed.anomalies == {"oversize"}
    assert parsed.value == {"id": 4, "method": "tools/call", "params": {"name": "t"}}


@pytest.mark.parametrize(
    ("tail", "members"),
    [
        (b'aaaa"}]},"jsonrpc":"2.0","id":7}', {"jsonrpc": "2.0", "id": 7}),
        (b'aaaa"}]} , "id" : "a\\"b" }\r', {"id": 'a"b'}),
        (b'"a","id":1}', {"id": 1}),
        (b'{"text":"x\\",\\"id\\":7}"}]}}', {}),
        (b'"},"id":7}}', {}),
        (b'"id":7', {}),
        (b"", {}),
    ],
)
def test_the_end_of_a_cut_message_tells_what_stands_behind_its_content(tail: bytes, members: dict[str, object]) -> None:
    parsed = parse(b'{"result":{"content":[{"text":"aaaa', complete=False, tail=tail)
    assert parsed.value == {"result": {}, "params": {}} | members


def test_of_an_id_before_and_behind_the_content_the_last_counts() -> None:
    parsed = parse(b'{"id":4,"method":"tools/call","params":{"name":"t","x":"', complete=False, tail=b'"},"id":5}')
    assert parsed.value["id"] == 5


@given(st.binary(max_size=60))
def test_no_tail_raises(tail: bytes) -> None:
    assert parse(b'{"id":4', complete=False, tail=tail).anomalies == {"oversize"}


@pytest.mark.parametrize("hostile", [b'"' + b'\\"' * 100_000, b"{" * 200_000, b'{"a":' * 100_000, b'"' * 200_001])
def test_hostile_text_is_read_in_linear_time(hostile: bytes) -> None:
    assert parse(hostile, complete=False).anomalies == {"oversize"}


@pytest.mark.parametrize("value", [10**30, "\ud800", [[]] * 2])
def test_any_parsed_value_has_a_compact_text(value: object) -> None:
    assert json.loads(compact(value)) == value
