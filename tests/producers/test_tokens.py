"""Tokens: a value is found again wherever a person would still call it the same value."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.tokens import SHORTEST, token_hashes, tokens


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


PIECES = st.sampled_from([*"""ab.:!?= "'`<>,;(){}[]|\\\n\t""", "name", "value", "\u00e9", "\u2003", "\x1c"])
RUN = re.compile(r"""[^\s"'`<>,;(){}\[\]|\\]{4,}""")


@given(st.lists(PIECES, max_size=60).map("".join))
def test_tokens_are_what_their_definition_says(text: str) -> None:
    runs = [run.rstrip(".:!?") for run in RUN.findall(text)]
    runs = [run for run in runs if len(run) >= SHORTEST]
    values = [value for run in runs if len(value := run.partition("=")[2]) >= SHORTEST]
    assert set(tokens(text)) == {*runs, *values}
    assert len(tokens(text)) == len(set(tokens(text)))
    assert {hash(token) for token in tokens(text)} <= token_hashes(text)
