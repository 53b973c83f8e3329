from __future__ import annotations

from triptych.models.events import Call, Effect
from triptych.models.lately import Lately


class Reader:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, call: Call) -> str:
        self.asked += 1
        return call.call_id


def test_a_call_is_read_once_though_others_are_asked_between() -> None:
    reader = Reader()
    lately, calls = Lately(reader), [Call(call_id=str(number)) for number in range(3)]
    assert [lately(call) for call in (*calls, *calls)] == ["0", "1", "2", "0", "1", "2"]
    assert reader.asked == 3


def test_an_equal_call_is_another_one() -> None:
    reader = Reader()
    lately = Lately(reader)
    assert lately(Call(call_id="1")) == lately(Call(call_id="1"))
    assert reader.asked == 2


def test_calls_that_are_gone_are_not_mistaken_for_those_in_their_place() -> None:
    lately = Lately(lambda call: call.call_id)
    assert all(lately(Call(call_id=str(number))) == str(number) for number in range(2_000))


def test_what_it_keeps_alive_is_bounded_by_effects() -> None:
    reader = Reader()
    lately = Lately(reader)
    calls = [Call(call_id=str(number), effects=(Effect(),) * 500) for number in range(100)]
    for call in calls:
        lately(call)
    for call in reversed(calls):
        lately(call)
    assert 200 - 8_192 // 500 <= reader.asked < 200
