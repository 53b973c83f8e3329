"""Every rule that ships: whole-corpus claims, so that a new rule is held to them without a new test."""

from __future__ import annotations

import re
from itertools import product
from typing import Any, get_args

import pytest

from triptych.models import testing
from triptych.models.detections.engine import Rule, Rulebook, lock
from triptych.models.detections.engine.conditions import Judging, kinds_of
from triptych.models.detections.engine.proof import prove
from triptych.models.detections.engine.rulebook import BUILT_IN
from triptych.models.detections.engine.subjects import candidates
from triptych.models.events import ExecutionDetail, ExecutionKind

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


@EVERY
def test_no_step_would_accept_a_kind_of_effect_that_it_is_not_asked_about(rule: Rule) -> None:
    paths, peers = (
        ("/proc/1/root/etc/shadow", "/home/ann/.ssh/id_ed25519", "/bin/sh"),
        ("203.0.113.7", "169.254.169.254"),
    )
    for step in rule.steps:
        for kind in get_args(ExecutionKind):
            if step.kinds is None or kind in step.kinds:
                continue
            for path, address in product(paths, peers):
                detail = ExecutionDetail(operation="setns", via="handle", layer="memory", links=0)
                told = testing.effect(kind, path=path, address=address, port=7, bytes_out=2**21, detail=detail)
                turn = testing.turn(testing.call("t", told))
                (subject,) = candidates(turn, "effect")
                assert not step.where(subject, Judging({}, lenient=True))


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ({"kind": "open"}, {"open"}),
        ({"kind": ["open", "exec"], "path": "/a"}, {"open", "exec"}),
        ({"any": [{"kind": "open"}, {"kind": "exec"}]}, {"open", "exec"}),
        ({"any": [{"kind": "open"}, {"path": "/a"}]}, None),
        ({"all": [{"kind": ["open", "exec"]}, {"kind": "exec"}]}, {"exec"}),
        ({"kind": {"one_of": ["open"]}}, None),
        ({"not": {"kind": "open"}}, None),
    ],
)
def test_the_kinds_of_a_condition_are_those_it_can_hold_for(condition: dict[str, Any], kinds: set[str] | None) -> None:
    assert kinds_of(condition) == kinds
