"""What an attacker writes is matched in time that grows with its length, and with the number of effects."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from triptych.models.detections.engine import Memory, Rulebook
from triptych.models.events import ArgumentFact, Call
from triptych.models.testing import call, definition, effect, turn

RULES = Rulebook.load()
TIMES = 8
PATHS = ("/" + "a" * 99, "/../..", "/proc/1", "/.ssh/id_", "%2e%2e/", "/home/")


def judged(one: Call) -> None:
    """Everything that rules ask of a call, by rules that have seen nothing yet."""
    book, memory = Rulebook(RULES.rules), Memory()
    windows = {addition.place: memory.add(addition) for addition in book.additions(one)}
    book.evaluate(turn(one), {})
    book.watch(one, windows)


def took(made: Callable[[], Call]) -> float:
    """Seconds of processor time, when least else was going on."""
    spent = []
    for one in [made() for _ in range(4)]:
        begun = time.thread_time()
        judged(one)
        spent.append(time.thread_time() - begun)
    return min(spent)


def in_proportion(made: Callable[[int], Call], size: int) -> bool:
    """Whether eight times the size ever costs less than four times eight times as much; squared, it would be 64 times.
    One of several attempts is enough: what else a machine does only makes the cost look larger."""
    return any(
        took(lambda: made(TIMES * size)) < 4 * TIMES * max(took(lambda: made(size)), 2e-4) for _attempt in range(5)
    )


def with_a_path(part: str, length: int) -> Call:
    path = (part * (length // len(part) + 1))[:length]
    kinds = (effect(kind, path=path, result=3) for kind in ("open", "exec", "change", "connect"))
    argument = ArgumentFact(pointer="/" + path, type="string", size=length)
    return call(path, *kinds, arguments=(argument,), tools=(definition(path),), claimed_client=path)


def with_effects(count: int) -> Call:
    return call("read", *(effect("open", path=f"/srv/{number}/.ssh/id_rsa", result=3) for number in range(count)))


@pytest.mark.parametrize("part", PATHS)
def test_a_text_of_200_kb_costs_no_more_than_its_length_says(part: str) -> None:
    assert in_proportion(lambda length: with_a_path(part, length), 25_000)


def test_a_thousand_effects_cost_no_more_than_their_number_says() -> None:
    assert in_proportion(with_effects, 200)
