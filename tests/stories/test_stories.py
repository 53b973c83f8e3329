"""Every rule, from raw requests and kernel events to its finding, in both protocol eras."""

from __future__ import annotations

import pytest

from triptych.models.detections.engine import Rulebook

from .judging import STORIES, VARIANTS, found, life
from .telling import ERAS, Era

RULES = {rule.id: rule for rule in Rulebook.load().rules}
EVERY = pytest.mark.parametrize("rule", RULES)
OF_BOTH = [rule for rule, story in STORIES.items() if set(story.get("eras", ERAS)) == set(ERAS)]


def verdicts(rule: str, era: Era) -> set[tuple[str, str]]:
    """What is said of a story: rules and how bad they find it."""
    return {(hit.id, hit.severity) for alert in found(rule, era) for hit in alert.rules}


def test_every_rule_has_a_story() -> None:
    assert STORIES.keys() == RULES.keys()


@pytest.mark.parametrize("era", ERAS)
def test_weeks_of_ordinary_life_raise_nothing(era: Era) -> None:
    findings, _ = life(era)
    assert findings.calls
    assert (findings.alerts, findings.dead) == ({}, {})


@EVERY
def test_a_rule_fires_from_what_gateway_and_sensor_tell(rule: str) -> None:
    for era in STORIES[rule].get("eras", ERAS):
        assert rule in {fired for fired, _ in verdicts(rule, era)}, era


@EVERY
def test_what_fires_is_titled_by_its_worst_rule_and_gives_reasons(rule: str) -> None:
    about = [alert for alert in found(rule, "legacy") if rule in {hit.id for hit in alert.rules}]
    assert all(alert.title.startswith(RULES[alert.rules[0].id].title) for alert in about)
    assert all(alert.reasons and alert.timeline for alert in about)


@pytest.mark.parametrize("rule", OF_BOTH)
def test_both_protocol_eras_give_the_same_verdicts(rule: str) -> None:
    assert verdicts(rule, "legacy") == verdicts(rule, "modern")


@pytest.mark.parametrize("rule", [rule.id for rule in RULES.values() if rule.signal])
def test_a_signal_raises_nothing_by_itself(rule: str) -> None:
    for era in ERAS:
        assert all(len(alert.rules) > 1 for alert in found(rule, era) if rule in {hit.id for hit in alert.rules})


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_of_an_attack_is_found_and_honest_work_is_not(name: str, era: Era) -> None:
    fires, fired = set(VARIANTS[name]["fires"]), {rule for rule, _ in verdicts(name, era)}
    assert fires <= fired if fires else not fired
