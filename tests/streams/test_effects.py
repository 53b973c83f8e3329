"""The bound of a call's effects: what matters stays, in any order, and what goes is counted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.events import ExecutionBatch, ExecutionEvent
from triptych.models.lazy import LazyBatch
from triptych.models.lazy_effects import option
from triptych.models.wire import bundled
from triptych.streams import effects as module
from triptych.streams.binding import stamped
from triptych.streams.effects import Bound, Classes, Effects

CODEC = bundled()


class SomeMatter:
    def path(self, path: str) -> str | None:
        return "secret.test" if "secret" in path else None

    def written(self, path: str) -> str | None:
        return "library.test" if path.endswith(".so") else None

    def destination(self, address: str) -> str:
        return "outside" if address == "192.0.2.1" else "inside"


def bounds(*events: ExecutionEvent) -> list[Bound]:
    batch = ExecutionBatch(event_id="b", wall_ns=10**18, mono_ns=10**15, events=events)
    read = CODEC.decode(CODEC.encode(batch), LazyBatch)
    return sorted((bound for _, _, group in stamped(read) for bound in group), key=lambda bound: bound.source)


def fillers(number: int, **facts: Any) -> list[ExecutionEvent]:
    return [ExecutionEvent(kind="open", mono_ns=at + 1, path=f"/srv/{at}", count=1, **facts) for at in range(number)]


def kept(effects: Effects) -> set[bytes]:
    return {held.source for held in effects.in_order()}


def taken(*groups: Sequence[Bound]) -> Effects:
    effects = Effects(Classes(SomeMatter()))
    for group in groups:
        effects.add(group)
    return effects


@pytest.mark.parametrize(
    ("path", "flags", "expected"),
    [
        ("/x.so", os.O_RDONLY | os.O_CLOEXEC, None),
        ("/x.so", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "library.test"),
        ("/x.so", os.O_RDWR, "library.test"),
        ("/srv", os.O_RDWR, None),
        ("/secret.so", os.O_RDWR, "secret.test"),
    ],
)
def test_some_paths_matter_only_when_they_are_written(path: str, flags: int, expected: str | None) -> None:
    [held] = taken(bounds(ExecutionEvent(kind="open", path=path, flags=flags, count=1))).in_order()
    assert held.rank[0] is (expected is not None)
    assert held.tail.startswith(option(expected))


def test_what_is_renamed_or_linked_into_a_place_is_written_there() -> None:
    [held] = taken(bounds(ExecutionEvent(kind="change", path="/x.so", count=1))).in_order()
    assert held.tail.startswith(option("library.test"))


@pytest.mark.parametrize("first", [True, False])
def test_fillers_push_no_theft_out_whether_they_come_before_or_after(first: bool) -> None:
    theft = [
        ExecutionEvent(kind="open", mono_ns=10**9, path="/secret", count=1),
        ExecutionEvent(kind="connect", mono_ns=10**9, address="192.0.2.1", count=1),
    ]
    all_of_them = bounds(*theft, *fillers(module.MAX_EFFECTS))
    stolen = [bound for bound in all_of_them if bound.source.endswith((b"#0", b"#1"))]
    rest = [bound for bound in all_of_them if bound not in stolen]
    effects = taken(rest, stolen) if first else taken(stolen, rest)
    assert {bound.source for bound in stolen} <= kept(effects)
    assert (len(effects), effects.dropped) == (module.MAX_EFFECTS, 2)


@given(st.permutations(range(12)), st.lists(st.booleans(), min_size=12, max_size=12), st.integers(1, 11))
def test_what_stays_does_not_depend_on_the_order_of_arrival(order: list[int], secret: list[bool], cut: int) -> None:
    events = [
        ExecutionEvent(kind="open", mono_ns=1 + at // 2, path="/secret" if matters else "/srv", count=at + 1)
        for at, matters in enumerate(secret)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_EFFECTS", 5)
        in_time = bounds(*events)
        shuffled = [in_time[at] for at in order]
        one, other = taken(in_time), taken(shuffled[:cut], shuffled[cut:])
    assert [held.place for held in one.in_order()] == [held.place for held in other.in_order()]
    assert one.dropped == other.dropped
    assert one.dropped + sum(held.body.stands_for for held in one.in_order()) == sum(range(1, 13))


def test_an_effect_that_stands_for_many_is_counted_as_many_when_it_goes() -> None:
    effects = taken(bounds(*fillers(module.MAX_EFFECTS), ExecutionEvent(mono_ns=10**12, count=40)))
    assert effects.dropped == 40


def test_long_arguments_are_bounded_in_bytes_and_the_harmless_ones_go() -> None:
    long = tuple("x" * 250 for _ in range(32))
    theft = ExecutionEvent(kind="open", mono_ns=10**9, path="/secret", count=1)
    effects = taken(bounds(*fillers(60, arguments=long), theft))
    assert sum(len(held.head) for held in effects.in_order()) <= 256 * 1024
    assert (len(effects) + effects.dropped, effects.in_order()[-1].mono_ns) == (61, 10**9)


def test_the_same_effect_again_is_nothing_new() -> None:
    again = bounds(*fillers(3))
    effects = taken(again)
    assert (effects.add(again), len(effects)) == ([], 3)


class Counting(SomeMatter):
    def __init__(self) -> None:
        self.asked: list[str] = []

    def path(self, path: str) -> str | None:
        self.asked.append(path)
        return super().path(path)


def test_only_short_bodies_are_remembered_for_whoever_opens_files_chooses_their_length() -> None:
    judge = Counting()
    classes = Classes(judge)
    short, long = "/srv/secret", f"/srv/secret/{'x' * 4_000}"
    for _ in range(3):
        for bound in bounds(*[ExecutionEvent(kind="open", path=path, count=1) for path in (short, long)]):
            assert classes.of(bound.event).sensitive
    assert [judge.asked.count(path) for path in (short, long)] == [1, 3]


def test_short_bodies_are_shared_and_long_ones_are_not() -> None:
    def bodies(path: str) -> int:
        return len({id(bound.event.body) for bound in bounds(*[ExecutionEvent(kind="open", path=path)] * 3)})

    assert (bodies("/srv/app"), bodies("/srv/" + "x" * 4_000)) == (1, 3)
