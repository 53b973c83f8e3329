from __future__ import annotations

from pathlib import Path

import pytest

from triptych.infra.detections.converting import to_sigma
from triptych.infra.detections.errors import DetectionsError
from triptych.infra.detections.scaffold import write_new
from triptych.models import testing
from triptych.models.detections.engine import Rule, Rulebook
from triptych.models.detections.engine.rule import read_rule
from triptych.models.sigma import SigmaRules

RULES = Rulebook.load().rules


def _converted() -> list[tuple[Rule, str]]:
    found = []
    for rule in RULES:
        try:
            found.append((rule, to_sigma(rule)))
        except DetectionsError as error:
            assert error.code == "D24"
    return found


CONVERTED = _converted()


def test_several_shipped_rules_can_be_said_in_sigma() -> None:
    assert len(CONVERTED) >= 5


@pytest.mark.parametrize(("rule", "text"), CONVERTED, ids=[rule.id for rule, _ in CONVERTED])
def test_a_converted_rule_hits_the_same_stories(rule: Rule, text: str, tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(text)
    sigma = SigmaRules.load([tmp_path])
    for test in rule.tests:
        if test.expect != "not judged":
            turn, _ = testing.story(test.story)
            assert bool(sigma.evaluate(turn)) is (test.expect == "hit"), test.name


@pytest.mark.parametrize(("path", "hits"), [("/srv/*/", True), ("/srv/x/", False)])
def test_a_star_in_a_rule_is_a_star_in_sigma(tmp_path: Path, path: str, hits: bool) -> None:
    file = write_new(tmp_path / "toml", "reads-stars", "toml")
    file.write_text(file.read_text().replace('starts = "/srv/payroll/"', 'starts = "/srv/*/"'))
    (tmp_path / "rule.yml").write_text(to_sigma(read_rule(file)))
    turn, _ = testing.story({"calls": [{"tool": "report", "effects": [{"read": f"{path}a"}]}]})
    assert bool(SigmaRules.load([tmp_path]).evaluate(turn)) is hits
