"""Session ids: which sessions there are, and whether their ids can be guessed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

import pytest

from triptych.producers.gateway.facts.sessions import SessionIds, Sessions, predictable

RANDOM = random.Random(7)


def seven(number: int) -> str:
    """A UUID of version 7, one every 50 ms."""
    stamp = (1_760_000_000_000 + 50 * number).to_bytes(6, "big")
    raw = bytearray(stamp + RANDOM.randbytes(10))
    raw[6], raw[8] = raw[6] & 15 | 0x70, raw[8] & 63 | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))


@pytest.mark.parametrize(
    ("make", "sign"),
    [
        (lambda n: f"session-{n:08d}", "common"),
        (lambda n: str(1000 + 3 * n), "rising"),
        (lambda n: f"{90_000 - 7 * n:x}", "rising"),
        (lambda n: str(1_760_000_000_000_000 + n * 104_729), "rising"),
        (lambda _: RANDOM.randbytes(4).hex(), "entropy"),
    ],
)
def test_ids_that_can_be_guessed_are_told_by_their_sign(make: Callable[[int], str], sign: str) -> None:
    assert sign in predictable([make(number) for number in range(24)])


@pytest.mark.parametrize(
    "make",
    [
        lambda _: str(uuid.UUID(bytes=RANDOM.randbytes(16), version=4)),
        seven,
        lambda _: RANDOM.randbytes(16).hex(),
        lambda _: RANDOM.randbytes(8).hex(),
        lambda n: f"mcp_{RANDOM.randbytes(16).hex()}",
    ],
)
@pytest.mark.parametrize("count", [20, 64])
def test_random_ids_are_not_called_predictable(make: Callable[[int], str], count: int) -> None:
    assert predictable([make(number) for number in range(count)]) == ""


def test_nothing_is_said_of_fewer_than_twenty_ids() -> None:
    ids = SessionIds()
    said = [ids.add(str(number)) for number in range(1, 21)]
    assert said[:19] == [""] * 19
    assert said[19]


def test_the_same_id_again_is_no_further_sample() -> None:
    ids = SessionIds()
    assert {ids.add(str(number % 5)) for number in range(100)} == {""}


def test_a_session_lives_from_initialize_to_its_end() -> None:
    sessions = Sessions()
    assert sessions.used("a") == ("session-unknown", "no initialize opened it through this gateway")
    sessions.started("a")
    assert sessions.used("a") is None
    sessions.ended("a")
    assert sessions.used("a") == ("session-ended", "used after its end")
    sessions.started("a")
    assert sessions.used("a") is None


def test_sessions_are_bounded_and_those_in_use_are_kept() -> None:
    sessions = Sessions()
    sessions.started("kept")
    for number in range(10_000):
        sessions.started(str(number))
        sessions.used("kept")
    assert sessions.used("kept") is None
    assert sessions.used("0") is not None
