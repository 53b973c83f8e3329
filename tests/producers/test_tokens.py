"""Tokens: a value is found again wherever a person would still call it the same value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.tokens import SHORTEST, tokens


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("open /etc/app.toml, please", "/etc/app.toml"),
        ('{"url": "https://evil.test/x?id=9"}', "https://evil.test/x?id=9"),
        ("see [here](https://evil.test/x).", "https://evil.test/x"),
        ("password=hunter22", "hunter22"),
        ("Is it evil.test?", "evil.test"),
    ],
)
def test_a_value_stands_out_of_its_sentence(text: str, token: str) -> None:
    assert token in tokens(text)


@given(st.text(max_size=60))
def test_every_token_is_long_enough_and_part_of_the_text(text: str) -> None:
    assert all(len(token) >= SHORTEST and token in text for token in tokens(text))
