"""What the rules find, as SIEMs read it: every hit that a rule tells of in its own stories is a valid finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from triptych.models import finding, ocsf
from triptych.models.detections.engine import Hit, Rule, Rulebook
from triptych.models.detections.engine.proof import said_of
from triptych.models.events import Alert
from triptych.models.turn import Turn

Problems = Callable[[dict[str, Any], str], list[str]]
RULES = Rulebook.load().rules
EVERY = pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])


def found(rule: Rule) -> Iterator[Alert]:
    """The finding of each hit of the rule's own stories."""
    for test in rule.tests:
        for hit in said_of(rule, test).hits:
            yield finding.assemble(_turn(hit), (hit,), None, {}, tenant="acme")


def _turn(hit: Hit) -> Turn:
    """The calls that a hit points at; a window's are a turn under the window's key."""
    calls = {match.subject.call.call_id: match.subject.call for match in hit.matches}
    ordered = sorted(calls.values(), key=lambda call: call.started_ns)
    return Turn(hit.key or hit.matches[0].subject.turn.key, tuple(ordered))


@EVERY
def test_every_hit_of_a_rule_is_a_valid_finding_of_every_version(rule: Rule, ocsf_problems: Problems) -> None:
    alerts = [*found(rule)]
    assert {hit.id for alert in alerts for hit in alert.rules} == {rule.id}
    for alert in alerts[:8]:
        for version in ocsf.VERSIONS:
            document = orjson.loads(ocsf.render(alert, tenant="acme", version=version))
            assert ocsf_problems(document, version) == []


@EVERY
def test_another_model_of_ocsf_takes_every_hit_of_a_rule(rule: Rule) -> None:
    for alert in [*found(rule)][:8]:
        document = orjson.loads(ocsf.render(alert, tenant="acme", version="1.5.0"))
        assert DetectionFinding.model_validate(document).finding_info.uid == alert.finding_uid


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.window], ids=lambda rule: rule.id)
def test_completions_of_one_window_are_one_finding(rule: Rule) -> None:
    hits = [hit for test in rule.tests for hit in said_of(rule, test).hits]
    uids = {hit.key: finding.finding_uid("acme", hit.key) for hit in hits}
    assert all(uids)
    assert len(set(uids.values())) == len(uids)
