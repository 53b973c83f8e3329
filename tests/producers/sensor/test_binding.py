"""Epochs to calls: the kernel's order decides, and one is never guessed among several."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.events import CallRef, ExecutionKind
from triptych.producers.sensor.binding import Bindings, Bound
from triptych.producers.sensor.decode import KernelEvent
from triptych.producers.sensor.epochs import KEPT_EPOCHS, MOST_CALLS
from triptych.producers.shim import mark

ROOT, WORKER, DAEMON = 100, 101, 102
A, B = CallRef(call_id="a", correlation_id="1"), CallRef(call_id="b", correlation_id="2")


def _open() -> Bindings:
    bindings = Bindings()
    bindings.open(ROOT)
    return bindings


def _event(epoch: int, *, pid: int = ROOT, forks: int = 0, **stamped: Any) -> KernelEvent:
    kind: ExecutionKind = "fork" if forks else "open"
    stamps = {"born": 0, **stamped}
    return KernelEvent(kind=kind, mono_ns=1, pid=pid, start_ns=1, root=ROOT, epoch=epoch, result=forks, **stamps)


def test_an_event_before_any_call_is_background() -> None:
    assert _open().resolve(ROOT, 1, 0) == Bound((), "none", "background")


def test_one_call_in_flight_is_exact() -> None:
    bindings = _open()
    epoch, _ = bindings.begin(ROOT, A)
    assert bindings.resolve(ROOT, epoch, 0) == Bound((A,), "exact", "leased")


def test_several_in_flight_are_all_candidates() -> None:
    bindings = _open()
    bindings.begin(ROOT, A)
    epoch, in_flight = bindings.begin(ROOT, B)
    assert in_flight == 2
    assert bindings.resolve(ROOT, epoch, 0) == Bound((A, B), "candidates", "leased")


def test_an_event_keeps_the_epoch_it_was_stamped_with_however_late_it_is_read() -> None:
    bindings = _open()
    under_a, _ = bindings.begin(ROOT, A)
    bindings.end(ROOT, "a")
    bindings.begin(ROOT, B)
    assert bindings.resolve(ROOT, under_a, 0).calls == (A,)


def test_a_process_forked_under_a_call_is_its_while_no_other_is_in_flight() -> None:
    bindings = _open()
    born, _ = bindings.begin(ROOT, A)
    assert bindings.resolve(ROOT, born, born) == Bound((A,), "exact", "forked-under-call")


def test_a_process_forked_under_a_call_that_goes_on_may_be_a_worker_that_serves_a_later_one() -> None:
    bindings = _open()
    born, _ = bindings.begin(ROOT, A)
    now, _ = bindings.begin(ROOT, B)
    assert bindings.resolve(ROOT, now, born) == Bound((A, B), "candidates", "helper-of-an-earlier-call")


def test_a_process_forked_under_several_has_them_as_candidates() -> None:
    bindings = _open()
    bindings.begin(ROOT, A)
    born, _ = bindings.begin(ROOT, B)
    assert bindings.resolve(ROOT, born, born) == Bound((A, B), "candidates", "forked-under-call")


def test_a_process_that_acts_after_its_call_with_none_in_flight_is_its_by_lineage() -> None:
    bindings = _open()
    born, _ = bindings.begin(ROOT, A)
    state = bindings.end(ROOT, "a")
    assert state
    bindings.begin(ROOT, B)
    assert bindings.resolve(ROOT, state.epoch, born) == Bound((A,), "lineage", "forked-under-ended-call")


def test_a_helper_of_an_ended_call_may_work_for_the_calls_in_flight() -> None:
    bindings = _open()
    born, _ = bindings.begin(ROOT, A)
    bindings.end(ROOT, "a")
    now, _ = bindings.begin(ROOT, B)
    assert bindings.resolve(ROOT, now, born) == Bound((A, B), "candidates", "helper-of-an-earlier-call")


def test_a_helper_of_two_calls_of_which_one_goes_on_is_of_either() -> None:
    bindings = _open()
    bindings.begin(ROOT, A)
    born, _ = bindings.begin(ROOT, B)
    state = bindings.end(ROOT, "a")
    assert state
    assert bindings.resolve(ROOT, state.epoch, born) == Bound((A, B), "candidates", "forked-under-ended-call")


def test_calls_beyond_the_bound_count_and_are_tied_to_nothing() -> None:
    bindings = _open()
    calls = [CallRef(call_id=str(number)) for number in range(MOST_CALLS + 2)]
    states = [bindings.begin(ROOT, call) for call in calls]
    assert (states[-1].in_flight, bindings.beyond) == (MOST_CALLS + 2, 2)
    assert bindings.resolve(ROOT, states[-1].epoch, 0) == Bound((), "none", "too-many-in-flight")
    assert bindings.resolve(ROOT, states[-1].epoch, states[-1].epoch).evidence == "too-many-in-flight"
    for call in reversed(calls[1:]):
        state = bindings.end(ROOT, call.call_id)
    assert state
    assert bindings.resolve(ROOT, state.epoch, 0) == Bound((calls[0],), "exact", "leased")


def test_eight_thousand_begins_cost_no_more_than_their_changes() -> None:
    tracemalloc.start()
    bindings = _open()
    for number in range(8000):
        state = bindings.begin(ROOT, CallRef(call_id=str(number)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 4 << 20
    bindings.end_all(ROOT)
    assert bindings.open(ROOT).in_flight == 0
    assert bindings.resolve(ROOT, state.epoch, 0).evidence == "too-many-in-flight"


def test_an_end_nobody_began_changes_nothing() -> None:
    assert _open().end(ROOT, "unknown") is None


def test_a_root_nobody_leases_binds_nothing() -> None:
    assert Bindings().resolve(ROOT, 5, 3) == Bound((), "none", "background")


def test_a_forgotten_epoch_says_so_instead_of_guessing() -> None:
    bindings = _open()
    oldest, _ = bindings.begin(ROOT, A)
    for _ in range(KEPT_EPOCHS):
        now, _ = bindings.begin(ROOT, A)
    assert bindings.resolve(ROOT, now, oldest) == Bound((), "none", "epoch-forgotten")
    assert bindings.resolve(ROOT, now, 0).calls == (A,)


def _two_marked() -> tuple[Bindings, int]:
    """A and B in flight with the JSON-RPC ids 1 and "2"."""
    bindings = _open()
    bindings.begin(ROOT, A, "1")
    return bindings, bindings.begin(ROOT, B, '"2"').epoch


@pytest.mark.parametrize(
    ("marked", "call"),
    [(mark("1"), A), (mark("1", A.correlation_id), A), (mark('"2"'), B)],
    ids=["id", "trace", "text"],
)
def test_a_marker_chooses_among_the_calls_in_flight(marked: int, call: CallRef) -> None:
    bindings, epoch = _two_marked()
    assert bindings.bind(_event(epoch, mark=marked)) == Bound((call,), "cooperative", "marked")


@pytest.mark.parametrize("marked", [mark("2"), mark("1", "f" * 32), 1], ids=["number-for-text", "foreign-trace", "lie"])
def test_a_marker_that_names_no_call_in_flight_changes_nothing(marked: int) -> None:
    bindings, epoch = _two_marked()
    assert bindings.bind(_event(epoch, mark=marked)) == Bound((A, B), "candidates", "leased")


def test_a_marker_of_a_call_that_has_ended_changes_nothing() -> None:
    bindings, _ = _two_marked()
    bindings.end(ROOT, "a")
    epoch, _ = bindings.begin(ROOT, CallRef(call_id="c"))
    assert [call.call_id for call in bindings.bind(_event(epoch, mark=mark("1"))).calls] == ["b", "c"]


def test_a_marker_that_two_calls_share_leaves_both() -> None:
    bindings = _open()
    bindings.begin(ROOT, A, "1")
    bindings.begin(ROOT, CallRef(call_id="c"))
    epoch, _ = bindings.begin(ROOT, B, "1")
    assert bindings.bind(_event(epoch, mark=mark("1"))) == Bound((A, B), "candidates", "marked")


def test_no_marker_takes_an_effect_from_the_only_call_in_flight() -> None:
    bindings, _ = _two_marked()
    bindings.end(ROOT, "b")
    epoch = bindings.open(ROOT).epoch
    assert bindings.bind(_event(epoch, mark=mark('"2"'))) == Bound((A,), "exact", "leased")


def test_a_process_that_a_marked_thread_forked_is_of_the_marked_call_after_it_too() -> None:
    bindings, epoch = _two_marked()
    bindings.bind(_event(epoch, mark=mark("1"), forks=DAEMON))
    bindings.end(ROOT, "b")
    state = bindings.end(ROOT, "a")
    assert state
    daemon = _event(state.epoch, pid=DAEMON, born=epoch, mark=mark("1"))
    assert bindings.bind(daemon) == Bound((A,), "lineage", "forked-under-ended-call")


def test_what_a_worker_forked_is_of_the_calls_the_worker_may_have_served_then() -> None:
    bindings = _open()
    born, _ = bindings.begin(ROOT, A)
    bindings.bind(_event(born, forks=WORKER))
    bindings.end(ROOT, "a")
    under_b, _ = bindings.begin(ROOT, B)
    bindings.bind(_event(under_b, pid=WORKER, born=born, forks=DAEMON))
    state = bindings.end(ROOT, "b")
    assert state
    assert bindings.bind(_event(state.epoch, pid=DAEMON, born=born)) == Bound(
        (A, B), "candidates", "forked-under-ended-call"
    )


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_process_to_which_nothing_was_said_since_its_fork_is_its_calls_alone_whatever_came_later(
    goes_on: bool,
) -> None:
    bindings = _open()
    born, _ = bindings.begin(ROOT, A)
    now, _ = bindings.begin(ROOT, B)
    if not goes_on:
        bindings.end(ROOT, "a")
        now += 1
    bound = bindings.bind(_event(now, pid=DAEMON, born=born, alone=True))
    assert bound == Bound((A,), "exact", "forked-under-call" if goes_on else "forked-under-ended-call")


def test_what_rests_on_a_marker_is_never_exact() -> None:
    bindings, epoch = _two_marked()
    bindings.bind(_event(epoch, mark=mark("1"), forks=DAEMON))
    alone = {"pid": DAEMON, "born": epoch, "alone": True}
    assert bindings.bind(_event(epoch, **alone)) == Bound((A,), "cooperative", "forked-while-marked")
    bindings.bind(_event(epoch, **alone, forks=WORKER))
    grandchild = _event(epoch, pid=WORKER, born=epoch, alone=True)
    assert bindings.bind(grandchild) == Bound((A,), "cooperative", "forked-while-marked")


@pytest.mark.parametrize(
    ("at_ns", "bound"),
    [
        (10, Bound((A,), "exact", "leased")),
        (20, Bound((A, B), "candidates", "begun-late")),
        (30, Bound((A, B), "candidates", "begun-late")),
        (31, Bound((A,), "exact", "leased")),
    ],
)
def test_a_call_whose_begin_came_late_is_a_candidate_for_what_happened_before_it(at_ns: int, bound: Bound) -> None:
    bindings = _open()
    under_a, _ = bindings.begin(ROOT, A)
    bindings.begin(ROOT, B)
    bindings.late(ROOT, B, 20, 30)
    assert bindings.bind(replace(_event(under_a), mono_ns=at_ns)) == bound


def test_a_late_call_makes_nothing_of_what_is_forgotten() -> None:
    bindings = _open()
    oldest, _ = bindings.begin(ROOT, A)
    for _ in range(KEPT_EPOCHS):
        bindings.begin(ROOT, A)
    bindings.late(ROOT, B, 0, 2)
    assert bindings.bind(_event(oldest)) == Bound((), "none", "epoch-forgotten")


def test_what_happened_under_no_call_but_a_late_one_is_in_its_window() -> None:
    bindings = _open()
    bindings.begin(ROOT, A)
    bindings.late(ROOT, A, 1, 2)
    assert bindings.bind(_event(1)) == Bound((A,), "window", "begun-late")
    assert bindings.bind(_event(2, pid=DAEMON, born=2, alone=True)).binding == "exact"


def test_a_process_id_that_is_used_again_is_a_new_process() -> None:
    bindings, epoch = _two_marked()
    bindings.bind(_event(epoch, mark=mark("1"), forks=DAEMON))
    bindings.bind(_event(epoch, forks=DAEMON))
    assert bindings.bind(_event(epoch, pid=DAEMON, born=epoch)).calls == (A, B)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=300))
def test_every_epoch_resolves_to_exactly_the_calls_in_flight_then(steps: list[tuple[bool, int]]) -> None:
    bindings = _open()
    in_flight: dict[str, CallRef] = {}
    truth = {}
    for begins, number in steps:
        call = CallRef(call_id=str(number))
        state = bindings.begin(ROOT, call) if begins else bindings.end(ROOT, call.call_id)
        in_flight.pop(call.call_id, None) if not begins else in_flight.update({call.call_id: call})
        if state:
            truth[state.epoch] = set(in_flight)
            assert state.in_flight == len(in_flight)
    for epoch, calls in truth.items():
        bound = bindings.resolve(ROOT, epoch, 0)
        assert {call.call_id for call in bound.calls} == calls
        assert (bound.binding == "exact") == (len(calls) == 1)


def _fostered(bindings: Bindings) -> tuple[int, int]:
    """A helper of A, which has ended, heard something; now B is in flight. The epochs of the two."""
    born, _ = bindings.begin(ROOT, A)
    bindings.end(ROOT, "a")
    return born, bindings.begin(ROOT, B).epoch


@pytest.mark.parametrize("alone", [True, False])
def test_what_a_helper_forked_unseen_is_not_taken_for_the_call_of_the_helper(alone: bool) -> None:
    bindings = _open()
    born, now = _fostered(bindings)
    event = _event(now, pid=DAEMON, born=born, alone=alone, fostered=True)
    assert bindings.bind(event) == Bound((), "none", "fork-unseen")


def test_what_a_helper_forked_has_the_calls_of_the_helper_and_so_have_its_own_children() -> None:
    bindings = _open()
    born, _ = bindings.begin(ROOT, A)
    bindings.bind(_event(born, pid=WORKER, born=born, forks=DAEMON))
    bindings.bind(_event(born, pid=DAEMON, born=born, alone=True, fostered=True, forks=103))
    child = _event(born, pid=103, born=born, alone=True, fostered=True)
    assert bindings.bind(child) == Bound((A,), "exact", "forked-under-call")


def test_a_flood_of_forks_makes_no_helpers_child_exactly_its_first_calls() -> None:
    bindings = _open()
    born, now = _fostered(bindings)
    bindings.bind(_event(now, pid=WORKER, born=born, forks=DAEMON))
    event = _event(now, pid=DAEMON, born=born, alone=True, fostered=True)
    assert bindings.bind(event).calls == (A, B)
    for pid in range(1000, 10_000):
        bindings.bind(_event(now, pid=WORKER, born=born, forks=pid))
    assert bindings.bind(event) == Bound((), "none", "fork-unseen")
