"""The first look at a message may only be wrong in one direction."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.facts import secrets
from triptych.producers.gateway.facts.secrets import find_secrets, may_hold
from triptych.producers.gateway.facts.walk import walk

RANDOM = "q8Zr2LmX9vTk4WpB7yNc"
PIECES = st.sampled_from(
    [
        *(marker for _, markers, _ in secrets._FAMILIES for marker in markers),
        *("secret", "Token", "PASSWORD", "api_key", "apiKey", "credential", "accesskey", "private_key"),
        *("AKIAABCDEFGH23456723", "ghp_" + "a1B2" * 9, "-----BEGIN PRIVATE KEY-----", "postgres://a:b@c", RANDOM),
        *("= ", ": ", " ", "x", "\\", '"', "\u212a", "\u00c5"),
    ]
)
TEXTS = st.lists(PIECES, max_size=4).map("".join)
JSON = st.recursive(
    TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@given(JSON, st.booleans())
def test_a_message_that_passes_the_first_look_holds_nothing(value: object, escaped: bool) -> None:
    found = [one for key, leaf, _ in walk(value, 1000).leaves for one in find_secrets(leaf, key)]
    data = json.dumps(value).encode() if escaped else orjson.dumps(value)
    assert may_hold(data) or not found


@pytest.mark.parametrize("spelled", ["\\u0041KIAABCDEFGH23456723", "postgres:\\/\\/a:b@c"])
def test_escapes_hide_nothing_from_the_first_look(spelled: str) -> None:
    data = f'{{"a":"{spelled}"}}'.encode()
    assert list(find_secrets(orjson.loads(data)["a"]))
    assert may_hold(data)


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox, UT ENIM ad minim.",
        "/srv/data/reports/2026/q3.csv",
        "weigh_this node_modules x_y",
        "C:\\\\a",
    ],
)
def test_ordinary_text_passes_the_first_look(text: str) -> None:
    assert not may_hold(f'{{"jsonrpc":"2.0","method":"tools/call","a":"{text}"}}'.encode())
