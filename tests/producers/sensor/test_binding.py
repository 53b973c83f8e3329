"""Epochs to calls: the kernel's order decides, and one is never guessed among several."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.models.events import CallRef
from triptych.producers.sensor import binding
from triptych.producers.sensor.binding import Bindings, Bound

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


def test_a_process_born_under_a_call_stays_with_it() -> None:
    bindings = _open()
    born, _ = bindings.begin(ROOT, A)
    bindings.end(ROOT, "a")
    now, _ = bindings.begin(ROOT, B)
    assert bindings.resolve(ROOT, now, born) == Bound((A,), "exact", "forked-under-call")


def test_a_process_born_under_several_has_them_as_candidates() -> None:
    bindings = _open()
    bindings.begin(ROOT, A)
    born, _ = bindings.begin(ROOT, B)
    bindings.end_all(ROOT)
    assert bindings.resolve(ROOT, born + 1, born) == Bound((A, B), "candidates", "forked-under-call")


def test_an_end_nobody_began_changes_nothing() -> None:
    assert _open().end(ROOT, "unknown") is None


def test_a_root_nobody_leases_binds_nothing() -> None:
    assert Bindings().resolve(ROOT, 5, 3) == Bound((), "none", "background")


def test_a_forgotten_epoch_says_so_instead_of_guessing() -> None:
    bindings = _open()
    oldest, _ = bindings.begin(ROOT, A)
    for _ in range(binding._KEPT_EPOCHS):
        now, _ = bindings.begin(ROOT, A)
    assert bindings.resolve(ROOT, now, oldest) == Bound((), "none", "epoch-forgotten")
    assert bindings.resolve(ROOT, now, 0).calls == (A,)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=60))
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
