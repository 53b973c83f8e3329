"""Epochs to calls: the kernel's order decides, and one is never guessed among several."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from triptych.models.events import CallRef
from triptych.producers.sensor.binding import Bindings, Bound
from triptych.producers.sensor.epochs import KEPT_EPOCHS, MOST_CALLS

ROOT = 100
A, B = CallRef(call_id="a", correlation_id="1"), CallRef(call_id="b", correlation_id="2")


def _open() -> Bindings:
    bindings = Bindings()
    bindings.open(ROOT)
    return bindings


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


def test_a_process_forked_under_a_call_is_its_while_the_call_goes_on() -> None:
    bindings = _open()
    born, _ = bindings.begin(ROOT, A)
    now, _ = bindings.begin(ROOT, B)
    assert bindings.resolve(ROOT, now, born) == Bound((A,), "exact", "forked-under-call")


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
