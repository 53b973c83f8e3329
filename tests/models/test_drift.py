from __future__ import annotations

import numpy as np
import pytest

from triptych.models.drift import drift, psi, shadow
from triptych.models.features import FEATURES
from triptych.models.observation import Observation, cleared, observe, pack, unpack
from triptych.models.testing_traffic import learned, sessions, theft, views
from triptych.models.training import train

NOMINAL = 0.001
TRAFFIC = sessions(48)


def seen(p: float, *, candidate_p: float = np.nan, value: float = 0.0, **values: object) -> Observation:
    highest = np.full(len(FEATURES), value)
    plain = {"raised": False, "facts": 10, "unseen": 0, "principal": b"somebody", "highest": highest}
    plain |= {"alerts": p <= NOMINAL, "candidate_alerts": candidate_p <= NOMINAL, **values}
    return Observation(p=p, candidate_p=candidate_p, **plain)  # type: ignore[arg-type]


def day(count: int, seed: int = 0, **values: object) -> list[Observation]:
    """A calibrated day."""
    return [seen(float(p), **values) for p in np.random.default_rng(seed).uniform(0.001, 1, count)]  # type: ignore[arg-type]


def test_a_day_like_the_days_before_has_not_drifted() -> None:
    found = drift(day(300), day(900, seed=1), nominal=NOMINAL)
    assert not found.drifted
    assert found.moved == ()


def test_a_calibrated_first_day_is_held_against_what_calibration_promises() -> None:
    assert not drift(day(300), [], nominal=NOMINAL).drifted


def test_turns_that_all_look_rare_are_drift() -> None:
    found = drift([seen(0.02) for _ in range(200)], day(600), nominal=NOMINAL)
    assert found.drifted
    assert found.scores > 0.25


def test_a_few_turns_say_nothing() -> None:
    assert not drift([seen(0.02) for _ in range(20)], day(600), nominal=NOMINAL).drifted


def test_a_feature_that_moved_is_named_with_both_means() -> None:
    moved = drift(day(200, value=3.0), day(600, seed=2, value=1.0), nominal=NOMINAL).moved
    assert {shift.feature for shift in moved} == {feature.name for feature in FEATURES}
    assert {(shift.before, shift.now) for shift in moved} == {(1.0, 3.0)}


def test_the_report_counts_alerts_and_facts_never_seen() -> None:
    found = drift([seen(0.0005, unseen=5), seen(0.5, unseen=1)], [], nominal=NOMINAL)
    assert (found.alert_rate, found.unseen) == (0.5, 0.3)


def test_equal_counts_have_no_index_and_the_index_is_the_same_both_ways() -> None:
    a, b = np.array([5.0, 10, 20]), np.array([20.0, 10, 5])
    assert psi(a, a) == 0
    assert psi(a, b) == pytest.approx(psi(b, a))


def test_a_trial_tells_rates_and_agreement() -> None:
    turns = [seen(0.5, candidate_p=0.5), seen(0.0005, candidate_p=0.5), seen(np.nan, candidate_p=0.0005), seen(0.5)]
    found = shadow(turns)
    assert (found.turns, found.both) == (3, 2)
    assert (found.current_rate, found.candidate_rate, found.agreement) == (0.5, pytest.approx(1 / 3, abs=1e-6), 0.5)


def test_an_observation_comes_back_from_its_bytes() -> None:
    one = seen(0.25, candidate_p=0.5, raised=True, unseen=3, value=2.5)
    back = unpack(pack(one))
    assert back is not None
    assert (back.p, back.candidate_p, back.raised, back.facts, back.unseen) == (0.25, 0.5, True, 10, 3)
    assert (back.highest == one.highest).all()
    assert unpack(pack(one)[:-4]) is None


def test_what_turned_out_normal_no_longer_counts_as_raised() -> None:
    one = unpack(cleared(pack(seen(0.0005, raised=True))))
    assert one is not None
    assert (one.raised, one.alerts, one.p) == (False, True, 0.0005)


def test_a_theft_is_observed_as_rarer_than_the_turn_it_was_made_of() -> None:
    model, normal = train(TRAFFIC, seed=1), learned(TRAFFIC)
    plain = next(
        one for one in sessions(6, seed=500, first=100) if any(call.tool == "read_config" for call in one.calls)
    )
    found = []
    for turn in (plain, theft(plain)):
        one = observe(turn, views(turn, normal), model, model, alert_risk=75, raised=False)
        assert one is not None
        found.append(one)
    assert found[1].p < found[0].p
    assert found[1].p == found[1].candidate_p
    assert found[1].unseen > found[0].unseen
