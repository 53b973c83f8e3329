"""Where a value was seen before: exact about the first call, bounded in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.facts import origins
from triptych.producers.gateway.facts.origins import Origins

Build = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("shown", "argument"),
    [
        ("see https://evil.test/drop?id=9, it says", "https://evil.test/drop?id=9"),
        ("go to evil.test now", "https://evil.test/collect?q=1"),
        ("see https://evil.test/a", "https://evil.test/b"),
        ("see https://evil.test/a", "evil.test"),
        ("report.csv, notes.txt", "/srv/data/report.csv"),
        ("/srv/data/report.csv", "/srv/data/report.csv"),
    ],
)
def test_a_value_and_what_it_is_put_together_from_name_the_call_that_showed_it(
    watched: Any, call: Build, answer: Build, shown: str, argument: str
) -> None:
    (first,) = watched.client(call(1))
    watched.server(answer(1, text=shown))
    (second,) = watched.client(call(2, value=argument))
    assert (second.arguments[0].origin, second.arguments[0].origin_call) == ("result", first.call_id)


@pytest.mark.parametrize(("shown", "argument"), [("data", "/srv/data/x.csv"), ("evil.test", "https://evil.test.org/")])
def test_another_piece_of_a_value_is_no_origin(
    watched: Any, call: Build, answer: Build, shown: str, argument: str
) -> None:
    watched.client(call(1))
    watched.server(answer(1, text=shown))
    (second,) = watched.client(call(2, value=argument))
    assert second.arguments[0].origin == "none"


def test_the_first_call_that_showed_a_value_keeps_it() -> None:
    known = Origins()
    for number in range(3):
        known.remember("c", f"call-{number}", ["the same value"])
    seen = known.of("c")
    assert seen is not None
    assert seen.any(["the same value"]) == seen.any(["value"]) == "call-0"


def test_a_value_that_is_shown_again_and_again_is_not_forgotten() -> None:
    known = Origins()
    for number in range(50):
        known.remember("c", f"call-{number}", ["kept", " ".join(f"w{number}-{word}" for word in range(1000))])
    seen = known.of("c")
    assert seen is not None
    assert seen.any(["kept"]) == "call-0"
    assert seen.any(["w0-7"]) is None
    assert len(seen.new) + len(seen.old) <= 2 * origins._VALUES + 1001


def test_only_the_latest_conversations_are_remembered() -> None:
    known = Origins()
    for number in range(100):
        known.remember(f"c{number}", "call", ["value"])
    assert [known.of(f"c{number}") is None for number in (0, 35, 36, 99)] == [True, True, False, False]


@given(st.lists(st.text(max_size=20), max_size=5), st.text(min_size=4, max_size=8))
def test_what_was_never_shown_has_no_origin(texts: list[str], value: str) -> None:
    known = Origins()
    known.remember("c", "call", texts)
    seen = known.of("c")
    assert seen is not None
    assert (seen.any([value]) is not None) <= any(value in text for text in texts)
