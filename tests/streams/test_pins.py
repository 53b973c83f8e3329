"""Pins and their queue: acknowledged in order, once, and not while anybody holds them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.streams.pins import Pin, PinQueue


def test_a_second_release_is_refused_because_it_would_lose_records() -> None:
    pin = Pin()
    pin.hold()
    pin.release()
    with pytest.raises(ValueError, match="more often"):
        pin.release()


def test_topics_do_not_wait_for_each_other() -> None:
    queue, done = PinQueue(), []
    queue.add("p", lambda: done.append("p"))
    other = queue.add("x", lambda: done.append("x"))
    other.release()
    queue.settle()
    assert (done, len(queue)) == (["x"], 1)


def test_a_chunk_that_another_leads_is_acknowledged_behind_it_and_not_before() -> None:
    queue, done = PinQueue(), []
    effects, request = queue.add("x", lambda: done.append("x")), queue.add("p", lambda: done.append("p"))
    request.lead(effects)
    effects.release()
    queue.settle()
    assert done == []
    request.release()
    queue.settle()
    assert done == ["p", "x"]


def test_what_was_acknowledged_already_leads_nothing() -> None:
    queue, done = PinQueue(), []
    request = queue.add("p", lambda: done.append("p"))
    request.release()
    queue.settle()
    effects = queue.add("x", lambda: done.append("x"))
    request.lead(effects)
    effects.release()
    queue.settle()
    assert done == ["p", "x"]


def test_a_chunk_never_leads_one_of_its_own_topic_because_it_would_wait_for_itself() -> None:
    queue, done = PinQueue(), []
    pins = [queue.add("p", lambda number=number: done.append(number)) for number in range(2)]
    pins[1].lead(pins[0])
    for pin in pins:
        pin.release()
    queue.settle()
    assert done == [0, 1]


@given(st.permutations(range(8)))
def test_chunks_are_acknowledged_in_their_order_whatever_order_they_become_free_in(order: Any) -> None:
    queue, done = PinQueue(), []
    pins = [queue.add("p", lambda number=number: done.append(number)) for number in range(8)]
    for freed, number in enumerate(order, 1):
        pins[number].release()
        queue.settle()
        released = set(order[:freed])
        assert done == [number for number in range(8) if set(range(number + 1)) <= released]
