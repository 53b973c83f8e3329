"""No secret in an argv leaves the node. The secrets here are made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.sensor.redact import MASK, arguments

CANARY = "hunter2canary"

HIDDEN = [
    [f"--token={CANARY}"],
    ["--token", CANARY],
    ["--db-password", CANARY],
    ["-password", CANARY],
    [f"API_KEY={CANARY}"],
    [f"aws_secret_access_key = {CANARY}"],
    ["-H", f"Authorization: Bearer {CANARY}"],
    [f"https://user:{CANARY}@example.test/x"],
    [f"https://example.test/?api_key={CANARY}&q=1"],
    ["sh", "-c", f"export PGPASSWORD={CANARY}; psql"],
    ["sh", "-c", f"curl -d 'secret=\"{CANARY} with blanks\"' x"],
]
KNOWN = [
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "ghp_" + "a1" * 18,
    "xoxb-" + "1234567890-abcdef",
    "eyJhbGciOiJI.eyJzdWIiOiIx.sig",
    "5f" * 20,
]
PLAIN = ["-rf", "/var/lib/app/data-2026/file.txt", "--max-tokens", "100", "main.py", "hello world", "--sort=name"]


@pytest.mark.parametrize("argv", HIDDEN, ids=" ".join)
def test_a_value_under_a_telling_name_is_masked(argv: list[str]) -> None:
    told = arguments(tuple(text.encode() for text in argv))
    assert CANARY not in " ".join(told)
    assert MASK in " ".join(told)


@pytest.mark.parametrize("secret", KNOWN)
def test_a_known_shape_is_masked_wherever_it_stands(secret: str) -> None:
    assert arguments((f"run {secret} now".encode(),)) == (f"run {MASK} now",)


def test_what_is_no_secret_stays_readable() -> None:
    told = arguments(tuple(text.encode() for text in PLAIN))
    assert told[:2] + told[4:] == tuple(PLAIN[:2] + PLAIN[4:])


def test_number_and_length_are_capped() -> None:
    told = arguments(tuple(b"word " * 200 for _ in range(99)))
    assert len(told) == 32
    assert all(len(text) <= 256 for text in told)


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_any_argv_is_made_printable(argv: list[bytes]) -> None:
    assert all(text.isprintable() for text in arguments(tuple(argv)))


def test_text_made_to_stall_the_patterns_costs_little() -> None:
    hostile = [
        b"token" * 200,
        b"-" + b"key" * 300,
        b"a" * 1000 + b":/",
        b"eyJ" * 300,
        b"a1" * 500 + b"/",
        b"='\"" * 300,
    ]
    assert len(arguments(tuple(hostile))) == len(hostile)
