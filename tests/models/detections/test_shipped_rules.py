"""Every rule that ships: whole-corpus claims, so that a new rule is held to them without a new test."""

from __future__ import annotations

import re

import pytest

from triptych.models.detections.engine import Rule, Rulebook, lock
from triptych.models.detections.engine.proof import prove
from triptych.models.detections.engine.rulebook import BUILT_IN

RULES = Rulebook.load().rules
EVERY = pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])


def test_the_table_of_the_readme_lists_every_rule_with_its_severity() -> None:
    rows = re.findall(r"^\| ([a-z]+\.[a-z0-9-]+) \| (\w+)", (BUILT_IN / "README.md").read_text(), re.MULTILINE)
    assert rows == [(rule.id, rule.severity) for rule in RULES]


@EVERY
def test_a_rule_keeps_every_claim_it_makes(rule: Rule) -> None:
    assert prove(rule) == []


@EVERY
def test_a_rule_cites_atlas_attack_and_owasp(rule: Rule) -> None:
    assert any(identifier.startswith("AML.T") for identifier in rule.attacks)
    assert any(identifier.startswith("T") for identifier in rule.attacks)
    assert any(tag.startswith("owasp_") for tag in rule.tags)


@EVERY
def test_a_rule_tells_an_analyst_what_to_do_and_what_it_cannot_see(rule: Rule) -> None:
    assert len(rule.triage) >= 2
    assert all(len(sentence) > 20 for sentence in (rule.why, rule.blind, *rule.false_positives, *rule.triage))


@EVERY
def test_a_rule_says_what_it_lacks_when_nothing_watched(rule: Rule) -> None:
    assert any(test.expect == "not judged" for test in rule.tests)


@EVERY
def test_a_severe_rule_never_rests_on_candidates(rule: Rule) -> None:
    if "execution" in rule.needs.layers and rule.severity in ("high", "critical"):
        assert rule.needs.outside_calls or rule.needs.binding not in ("none", "candidates")


def test_the_lock_knows_every_rule_as_it_is() -> None:
    assert lock.problems(RULES, lock.read_lock()) == []
