"""Windows of rules: what they refuse, and the laws of what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.detections.engine import Addition, Memory, Place, Rulebook, RuleError
from triptych.models.detections.engine.alike import skeleton, twins
from triptych.models.detections.engine.proof import prove
from triptych.models.detections.engine.rule import read_rule
from triptych.models.detections.engine.sightings import Reach, Sighting
from triptych.models.testing import call, turn

RULE = """
id = "protocol.many-failures"
version = 1
title = "Many failures"
severity = "low"
risk = 30
attacks = ["T1595"]
tags = ["owasp_asi:ASI02"]
why = "For tests."
blind = "Everything else."
false_positives = ["All of them."]
triage = ["Look away."]
[needs]
layers = ["protocol"]
[window]
by = ["conversation"]
span_s = 60
[[match]]
step = "fail"
on = "call"
where.is_error = true
[[window.need]]
step = "fail"
count = 3
[[tests]]
name = "three"
expect = "hit"
calls = [{ tool = "a", turn = "a{n}", times = 3, is_error = true }]
[[tests]]
name = "four"
expect = "hit"
calls = [{ tool = "a", turn = "a{n}", times = 4, is_error = true }]
[[tests]]
name = "two"
expect = "quiet"
calls = [{ tool = "a", turn = "a{n}", times = 2, is_error = true }]
[[tests]]
name = "three slow ones"
expect = "quiet"
calls = [{ tool = "a", turn = "a{n}", times = 3, every_s = 60, is_error = true }]
"""


def rule_file(folder: Path, text: str = RULE) -> Path:
    file = folder / "many-failures.toml"
    file.write_text(text)
    return file


def test_a_rule_of_an_operator_may_count_over_time(tmp_path: Path) -> None:
    assert prove(read_rule(rule_file(tmp_path))) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('by = ["conversation"]', 'by = ["weather"]', "unknown entity 'weather'"),
        ("span_s = 60", "span_s = 0", "a span of 0 s"),
        ("span_s = 60", "span_s = -1", "a time is not negative"),
        ("span_s = 60", "span_s = 60\nhistory_s = 60", "in a history of 60 s"),
        ("span_s = 60", "span_s = 60\nmature = { visit = 3 }", "mature needs a history"),
        ("span_s = 60", "span_s = 60\nmost = 2", "3 sightings cannot be counted among 2"),
        ("count = 3", "count = 0", "cannot be counted"),
        ("count = 3", "cuont = 3", "cuont: unknown key"),
        ("count = 3", "distinct.colour = 3", "no field 'colour'"),
        ("count = 3", "sum.tool = 3", "tool is a text field"),
        ("count = 3", 'new = "tool"', "new needs a history"),
        ("count = 3", "surge = 3.0", "surge needs a history"),
        ("count = 3", 'share = { of = "tool", in = "list.listed", at_least = 0.5 }', "there is no step 'list'"),
        ('[[window.need]]\nstep = "fail"', '[[window.need]]\nstep = "fial"', "unknown value 'fial'"),
        (
            "where.is_error = true",
            'where.never = { what = "egress", in_sessions = 3 }',
            "never cannot stand in a window",
        ),
        ('on = "call"', 'on = "score"', "on: unknown value 'score'"),
    ],
)
def test_an_impossible_window_is_refused_with_the_place(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in RULE
    with pytest.raises(RuleError) as refusal:
        read_rule(rule_file(tmp_path, RULE.replace(old, new, 1)))
    assert complaint in f"{refusal.value} {refusal.value.hint}"


def test_a_window_is_no_rule_about_a_turn(tmp_path: Path) -> None:
    book = Rulebook([read_rule(rule_file(tmp_path))])
    failed = call("a", is_error=True)
    assert book.evaluate(turn(failed), {}).hits == ()
    assert [addition.place.by for addition in book.additions(failed)] == ["conversation"]


PLACE = Place("r", "conversation", "c")
SIGHTINGS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6)), max_size=25)


def addition(at: int, number: int, most: int = 5) -> Addition:
    one = Sighting(at, "step", f"~{number}", ())
    return Addition(PLACE, {one.key: at}, reach(most), at, at)


def reach(most: int) -> Reach:
    """So far that all of a place is read."""
    return Reach(most=most, keep_s=60, span_us=100, back_us=100)


@given(SIGHTINGS, st.randoms())
def test_a_place_is_a_set_whatever_the_order(told: list[tuple[int, int]], random: object) -> None:
    one, other = Memory(), Memory()
    shuffled = [*told, *told[:3]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for at, number in told:
        one.add(addition(at, number, most=7))
    for at, number in shuffled:
        other.add(addition(at, number, most=7))
    empty = Addition(PLACE, {}, reach(7), 0, 0)
    assert one.add(empty) == other.add(empty)


@given(SIGHTINGS)
def test_a_place_keeps_no_more_than_its_most(told: list[tuple[int, int]]) -> None:
    memory = Memory()
    for at, number in told:
        assert len(memory.add(addition(at, number)).held) <= 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("send_email", "Send-Email"),
        ("send_email", "s\u0435nd_email"),
        ("transfer_funds", "tranfer_funds"),
        ("paypal", "paypa1"),
        ("modern", "rnodern"),
        ("search_docs", "serach_docs"),
    ],
)
def test_names_that_a_hasty_eye_confuses_are_twins(one: str, other: str) -> None:
    assert twins(one, [other]) == other
    assert twins(other, [one]) == one


@pytest.mark.parametrize(("one", "other"), [("get", "set"), ("read_file", "write_file"), ("list", "search")])
def test_names_that_differ_are_none(one: str, other: str) -> None:
    assert twins(one, [other]) is None


@given(st.text(max_size=20))
def test_a_name_is_its_own_twin_and_a_skeleton_has_none_of_its_own(name: str) -> None:
    assert twins(name, [name]) == name
    assert skeleton(skeleton(name)) == skeleton(name)
