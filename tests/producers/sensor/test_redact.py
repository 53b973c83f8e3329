"""No secret in an argv leaves the node. The secrets here are made up."""

from __future__ import annotations

import re
import time

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
    ["curl", "-u", f"user:{CANARY}"],
    ["curl", f"-uuser:{CANARY}"],
    ["mysql", f"-p{CANARY}"],
    ["mysql", "-proot" + CANARY],
    ["redis-cli", "-a", CANARY],
    ["redis-cli", f"-a{CANARY}"],
    ["x", "--passwd", CANARY],
    ["x", "--key", CANARY],
    ["x", f"--key={CANARY}"],
    ["x", "--header", f"X-Any-Name: {CANARY}"],
    ["x", f"X-Any-Name: {CANARY}"],
    ["x", f"login:{CANARY}"],
    ["x", f"https://x.test/?q={CANARY}"],
    ["x", f"https://x.test/a#{CANARY}"],
    ["curl", "-d", f"x={CANARY}"],
    ["x", f"data={CANARY}"],
    ["curl", "-b", f"session={CANARY}; other={CANARY}"],
]
MARKED = [
    ["x", CANARY],
    ["x", f"my {CANARY} here"],
    ["x", f"--name={CANARY}"],
    ["x", "and " * 20 + "canary"],
    ["sh", "-c", "echo canary"],
    ["bash", "-lc", "FOO=1 echo 'a; canary b' | tee canary"],
    ["sh", "-c", "echo 'canary"],
    ["sh", "-c", "cat <<< canary"],
    ["sh", "-c", "echo $(echo canary) && curl --request canary"],
    ["python3", "-c", "print('canary')"],
    ["node", "-e", "canary()"],
]
KNOWN = [
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "ghp_" + "a1" * 18,
    "xoxb-" + "1234567890-abcdef",
    "eyJhbGciOiJI.eyJzdWIiOiIx.sig",
    "5f" * 20,
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "Jalr+UtnFEMI9K7MDENGabPxRfiCYEXAMPLEKEYx",
]
PLAIN = ["-rf", "/var/lib/app/data-2026/file.txt", "--max-tokens", "100", "main.py", "hello world", "--sort=name"]


@pytest.mark.parametrize("argv", HIDDEN, ids=" ".join)
def test_a_value_under_a_telling_name_is_masked(argv: list[str]) -> None:
    told = arguments(tuple(text.encode() for text in argv))
    assert CANARY not in " ".join(told)
    assert MASK in " ".join(told)


@pytest.mark.parametrize("argv", MARKED, ids=" ".join)
def test_a_value_that_may_be_a_secret_shows_its_length_at_most(argv: list[str]) -> None:
    told = arguments(tuple(text.encode() for text in argv))
    assert told[0] == argv[0]
    assert "canary" not in " ".join(told)
    assert re.search(r"\[\d+ chars\]", " ".join(told))


def test_programs_and_options_of_a_shell_line_stay_readable() -> None:
    told = arguments((b"sh", b"-c", b"PGPASSWORD=x1 psql -h db | gzip --best > /tmp/out; curl -s http://x/"))
    assert told[2] == (f"PGPASSWORD={MASK} psql -h [2 chars] | gzip --best > [8 chars] ; curl -s [9 chars]")


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


@pytest.mark.parametrize(
    "piece", [b"token", b"a://", b"key-", b"a:/", b"eyJ", b"a1/", b"='\"", b"://x@", b"a;", b"password= "]
)
def test_text_made_to_stall_the_patterns_costs_in_proportion_to_its_length(piece: bytes) -> None:
    assert any(_cost(piece * 400) < 40 * _cost(piece * 25) for _ in range(5)), (
        "16 times the text, not 256 times the cost"
    )


def _cost(text: bytes) -> float:
    def once() -> float:
        began = time.thread_time()
        arguments((b"sh", b"-c", text))
        arguments((b"x", text, b"-" + text, b"--x=" + text))
        return time.thread_time() - began

    return min(once() for _ in range(5))
