"""Appointments of the sensor, by a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from triptych.producers.sensor.timetable import Clock, Timetable


@dataclass
class Hand:
    at: int = 1_000

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def timetable(hand: Hand) -> Timetable:
    """Beats every 100 ns; the first beat is over."""
    made = Timetable(Clock(mono=hand), 100)
    assert made.beats()
    return made


def test_nothing_is_due_before_somebody_asks(timetable: Timetable, hand: Hand) -> None:
    hand.at += 99
    assert not timetable.is_due()
    assert not timetable.beats()


def test_the_earlier_of_two_wishes_counts_and_is_met_once(timetable: Timetable, hand: Hand) -> None:
    timetable.wait_at_most(50)
    timetable.wait_at_most(20)
    timetable.wait_at_most(70)
    assert timetable.patience_s() == pytest.approx(20e-9)
    hand.at += 20
    assert timetable.is_due()
    assert not timetable.is_due()


def test_it_beats_again_after_its_interval(timetable: Timetable, hand: Hand) -> None:
    assert timetable.patience_s() == pytest.approx(100e-9)
    hand.at += 250
    assert timetable.patience_s() == 0
    assert timetable.beats()
    assert not timetable.beats()
