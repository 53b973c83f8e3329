from __future__ import annotations

from dataclasses import replace

import pytest

from triptych.models.baseline import Baseline
from triptych.models.events import Coverage, Principal
from triptych.models.model import Model
from triptych.models.risk import EXPLAINED, LEARNING_CAP, Judgement, judge
from triptych.models.testing import call, turn
from triptych.models.testing_traffic import injection_chain, learned, sessions, theft, views
from triptych.models.training import train
from triptych.models.turn import Turn

TURNS = sessions(48)
KNOWN = learned(TURNS)
HELD_OUT = sessions(6, seed=500, first=100)
VICTIM = next(one for one in HELD_OUT if any(call.tool == "read_config" for call in one.calls))


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TURNS, seed=1)


def judged(model: Model, one: Turn, known: Baseline = KNOWN) -> Judgement:
    judgement = judge(model, one, views(one, known))
    assert judgement is not None
    return judgement


def test_normal_sessions_it_has_never_seen_stay_quiet(model: Model) -> None:
    assert [one.key for one in HELD_OUT if judged(model, one).alerts(75)] == []


def test_a_credential_read_and_sent_out_alerts(model: Model) -> None:
    judgement = judged(model, theft(VICTIM))
    assert judgement.score.risk > 75
    assert judgement.alerts(75)
    assert judgement.score.state == "provisional"
    assert judgement.score.calibration_size == len(TURNS)


def test_an_order_nobody_uses_alerts(model: Model) -> None:
    assert judged(model, injection_chain(3)).score.risk > 75


def test_reasons_are_facts_with_counts_the_strongest_first(model: Model) -> None:
    reasons = judged(model, theft(VICTIM)).reasons
    stolen = theft(VICTIM)
    tool = next(one.tool for one in stolen.calls if any(effect.port == 9911 for effect in one.effects))
    facts = " | ".join(reason.fact for reason in reasons)
    assert f"198.51.100.66:9911: never contacted by {tool} (0 of " in facts
    assert "/…/.aws/credentials" in facts
    assert [reason.weight for reason in reasons] == sorted((reason.weight for reason in reasons), reverse=True)
    assert {reason.layer for reason in reasons} >= {"execution"}


def test_the_layer_that_saw_it_carries_the_risk(model: Model) -> None:
    layers = judged(model, theft(VICTIM)).layers
    assert layers["execution"] > 75
    assert max(layers["protocol"], layers["agent"]) < 50


def test_a_server_that_is_still_learned_never_alerts_by_score(model: Model) -> None:
    young = learned(TURNS[:20])
    judgement = judged(model, theft(VICTIM), young)
    assert judgement.score.state == "learning"
    assert judgement.score.risk == LEARNING_CAP
    assert not judgement.alerts(10)


def test_an_ordinary_turn_needs_no_explanation(model: Model) -> None:
    judgement = judged(model, VICTIM)
    assert judgement.score.risk < EXPLAINED
    assert (judgement.reasons, judgement.layers) == ((), {})


def test_a_missing_layer_adds_nothing(model: Model) -> None:
    chain = injection_chain(3)
    assert set(judged(model, replace(chain, spans=())).layers) == {"protocol", "execution"}
    blind = replace(
        VICTIM,
        spans=(),
        calls=tuple(replace(one, coverage=Coverage(protocol=True), effects=()) for one in VICTIM.calls),
    )
    assert judged(model, blind).score.risk < 50


def test_an_attack_repeated_by_one_principal_does_not_become_normal(model: Model) -> None:
    attack = theft(VICTIM)
    mallory = Principal(kind="configured", id="mallory")
    again = [
        replace(attack, calls=tuple(replace(one, conversation=f"m{n}", principal=mallory) for one in attack.calls))
        for n in range(10)
    ]
    poisoned = learned((*TURNS, *again))
    assert poisoned.view(()).sessions == KNOWN.view(()).sessions + 10
    assert judged(model, attack, poisoned).score.risk > 75


def test_nothing_to_measure_is_no_judgement(model: Model) -> None:
    assert judge(model, turn(replace(call(""), tool=None, method="tools/list")), {}) is None


def test_names_from_outside_are_cleaned(model: Model) -> None:
    nasty = replace(VICTIM, calls=tuple(replace(one, tool="evil\x1b[2J\u202etool") for one in VICTIM.calls))
    assert all(reason.fact.isprintable() for reason in judged(model, nasty).reasons)
