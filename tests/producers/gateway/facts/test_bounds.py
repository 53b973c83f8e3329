"""Work is bounded by what a message is, not by what its sender makes of it. Counted, never timed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.facts import marks, secrets
from triptych.producers.gateway.facts.budget import Budget
from triptych.producers.gateway.facts.definitions import tool_definitions
from triptych.producers.gateway.facts.phrases import instructs
from triptych.producers.gateway.observer.framing import Lines

Build = Callable[..., dict[str, Any]]
READ = 262_144
_BRANCHING = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
PATTERNS = tuple(map(re.compile, (*secrets.PATTERNS, *(pattern for _, pattern in marks.PATTERNS))))


def repeats(pattern: re.Pattern[str]) -> Iterator[int]:
    """The upper bounds of all repetitions that can be undone."""

    def walk(node: Any) -> Iterator[int]:
        if isinstance(node, tuple) and node and node[0] in _BRANCHING and node[1][0] != node[1][1]:
            yield int(node[1][1])
        if isinstance(node, list | tuple | _parser.SubPattern):
            for part in node:
                yield from walk(part)

    return walk(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))


@pytest.mark.parametrize("pattern", PATTERNS, ids=[pattern.pattern[:24] for pattern in PATTERNS])
def test_no_pattern_can_take_back_more_than_a_few_characters(pattern: re.Pattern[str]) -> None:
    assert all(most <= 4 for most in repeats(pattern))


HOSTILE = st.sampled_from(["token a", "-", "eyJ", "ignore all ", "before use any tool ", "/home/", "a://:", "\r", "= "])


@given(st.lists(st.tuples(HOSTILE, st.integers(1, 50_000)), min_size=1, max_size=30))
def test_never_more_is_scanned_of_a_message_than_its_budget(parts: list[tuple[str, int]]) -> None:
    texts = [piece * count for piece, count in parts]
    budget = Budget()
    taken = sum(len(budget.take(text)) for text in texts)
    assert taken == min(READ, sum(map(len, texts)))
    assert budget.exceeded == (sum(map(len, texts)) > READ)


def test_eight_times_the_text_is_no_more_work_once_the_budget_is_spent() -> None:
    def scanned(size: int) -> int:
        budget = Budget()
        tool_definitions([{"name": "t", "description": "x" * size}], budget, str)
        return READ - budget.characters

    assert scanned(8 * READ) == scanned(READ) == READ


def test_what_was_left_unread_is_said(watched: Any, call: Build) -> None:
    (short,) = watched.client(call(1, a="x" * 1000))
    (long,) = watched.client(call(2, a="x" * READ, b="y" * 10))
    assert (short.anomalies, long.anomalies) == ((), ("partly-scanned",))


def test_a_secret_within_the_budget_is_found_behind_much_text(watched: Any, call: Build) -> None:
    (event,) = watched.client(call(1, a="x " * 100_000, b="AKIA" + "ABCDEFGH23456723"))
    assert [fact.family for fact in event.secrets] == ["aws-access-key"]


@pytest.mark.parametrize("count", [100, 800])
def test_a_flood_of_bare_carriage_returns_makes_a_bounded_number_of_frames(count: int) -> None:
    assert len(Lines(1 << 20).feed(b"x\r" * count + b"\n")) == 66


def test_a_message_behind_many_bare_carriage_returns_is_still_its_own_frame() -> None:
    frames = Lines(1 << 20).feed(b"x\r" * 500 + b'{"a":1}\rx\n')
    assert b'{"a":1}' in [frame.data for frame in frames]


GAPS = st.integers(0, 60)


@given(GAPS, GAPS, st.booleans())
def test_a_phrase_counts_as_far_apart_as_it_may_be(first: int, second: int, decoy: bool) -> None:
    text = f"ignore {'.' * first} all {'.' * second} rules" + (" ignore" if decoy else "")
    assert instructs(text) == (first + 2 <= 40 and second + 2 <= 40)
