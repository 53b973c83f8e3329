"""So many events of a kind a second, and a flood of one kind takes nothing from another."""

from __future__ import annotations

from triptych.producers.sensor.budget import Budget

SECOND = 1_000_000_000


def test_one_second_s_worth_fits_at_once_and_then_no_more() -> None:
    budget = Budget(5)
    assert [budget.take("open", 7) for _ in range(7)] == [True] * 5 + [False] * 2


def test_time_refills_it_in_proportion() -> None:
    budget = Budget(10)
    while budget.take("open", 0):
        pass
    assert sum(budget.take("open", SECOND // 2) for _ in range(20)) == 5


def test_a_flood_of_opens_leaves_room_for_a_connection() -> None:
    budget = Budget(1)
    budget.take("open", 0)
    assert not budget.take("open", 0)
    assert budget.take("connect", 0)


def test_time_that_runs_backwards_adds_nothing() -> None:
    budget = Budget(1)
    assert budget.take("open", SECOND)
    assert not budget.take("open", 0)
    assert not budget.take("open", SECOND)
