"""What is remembered of requests is bounded, and a reply finds the call it most likely answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.observer.claims import Claims
from triptych.producers.gateway.observer.ledger import TOO_MANY, Call, Ledger


def call(number: int) -> Call:
    return Call(str(number), "c", "minted", None, "x", "process", "tools/call", "t", None, Claims())


def test_cancelled_calls_that_are_never_answered_are_forgotten() -> None:
    ledger = Ledger()
    for number in range(5000):
        ledger.open(("integer", number), call(number))
        ledger.cancel(("integer", number))
    found = [ledger.answer(("integer", number))[0] for number in range(5000)]
    assert [held.call_id for held in found if held] == [str(number) for number in range(5000 - 1024, 5000)]


def test_one_id_cancelled_again_and_again_is_one_remembered_call() -> None:
    ledger = Ledger()
    for number in range(5000):
        ledger.open(("integer", 1), call(number))
        ledger.cancel(("integer", 1))
    assert [ledger.answer(("integer", 1))[1] for _ in range(2)] == [None, "duplicate-response"]


def test_a_call_gets_the_reply_before_a_cancelled_one_of_its_id() -> None:
    ledger = Ledger()
    ledger.open(("integer", 1), call(1))
    ledger.cancel(("integer", 1))
    assert ledger.open(("integer", 1), call(2)) == "id-in-use"
    answered = [ledger.answer(("integer", 1))[0] for _ in range(2)]
    assert [held.call_id for held in answered if held] == ["2", "1"]


def test_no_more_than_8192_calls_are_open() -> None:
    ledger = Ledger()
    assert [ledger.open(("integer", n), call(n)) for n in range(8193)][-2:] == [None, TOO_MANY]
    assert len(ledger) == 8192


@given(st.lists(st.tuples(st.sampled_from("oca"), st.integers(0, 3)), max_size=60))
def test_no_call_ends_twice(steps: list[tuple[str, int]]) -> None:
    ledger = Ledger()
    answered: list[str] = []
    for number, (step, key) in enumerate(steps):
        if step == "o":
            ledger.open(("integer", key), call(number))
        elif step == "c":
            ledger.cancel(("integer", key))
        elif found := ledger.answer(("integer", key))[0]:
            answered.append(found.call_id)
    assert len(answered) == len(set(answered))
    assert set(answered).isdisjoint(left.call_id for left in ledger.close())
