from __future__ import annotations

from dataclasses import replace

import pytest

from triptych.models.events import ArgumentFact, Call, Coverage, Origin
from triptych.models.features import rows
from triptych.models.history import from_json, reduced, to_json
from triptych.models.prompts import prompted
from triptych.models.sight import SIGHTS, Sight, seen_with, sight_of
from triptych.models.testing import background, call, read, turn
from triptych.models.testing_traffic import learned, sessions, views

TRAFFIC = sessions(12)


def made(*origins: Origin, agent: bool = False) -> Call:
    facts = tuple(ArgumentFact(pointer=f"/{at}", digests=(f"d{at}",), origin=one) for at, one in enumerate(origins))
    return call("send", arguments=facts, coverage=Coverage(protocol=True, agent=agent))


@pytest.mark.parametrize(
    ("calls", "sight"),
    [
        ((), "calls"),
        ((made(), made("unknown")), "calls"),
        ((made("unknown", "none"),), "result"),
        ((made("result"), made("unknown")), "result"),
        ((made("none", agent=True),), "prompt"),
        ((made("unknown"), made("prompt")), "prompt"),
    ],
)
def test_a_turn_is_seen_as_far_as_its_best_told_call(calls: tuple[Call, ...], sight: Sight) -> None:
    assert sight_of(calls) == sight


@pytest.mark.parametrize("told", SIGHTS)
@pytest.mark.parametrize("sight", SIGHTS)
def test_a_turn_is_never_seen_farther_than_it_was_told(told: Sight, sight: Sight) -> None:
    one = seen_with(turn(made("prompt", "result", "none")), told)
    assert sight_of(seen_with(one, sight).calls) == min(told, sight, key=SIGHTS.index)
    assert seen_with(seen_with(one, sight), sight) == seen_with(one, sight)


def test_without_the_prompt_a_value_that_a_result_showed_too_comes_from_the_result() -> None:
    both = replace(made("prompt", "prompt").arguments[0], origin_call="c1")
    mail = replace(made("prompt", "prompt"), arguments=(both, *made("prompt", "prompt").arguments[1:]))
    remembered = from_json(to_json(reduced(turn(mail))))
    for one in (turn(mail), remembered):
        assert [fact.origin for fact in seen_with(one, "result").calls[0].arguments] == ["result", "none"]


@pytest.mark.parametrize("sight", SIGHTS)
def test_a_remembered_turn_measures_the_same_with_every_sight(sight: Sight) -> None:
    known = learned(TRAFFIC)
    for one in TRAFFIC:
        again = from_json(to_json(reduced(one)))
        pairs = [rows(seen_with(which, sight), views(which, known)) for which in (one, again)]
        assert (pairs[0] == pairs[1]).all() or str(pairs[0]) == str(pairs[1])


def test_a_prompt_that_names_nothing_still_says_that_the_agent_was_heard() -> None:
    one = prompted(made("none", "result"), {"something else"})
    assert (one.coverage.agent, [fact.origin for fact in one.arguments]) == (True, ["none", "result"])


def test_what_no_prompt_can_change_stays_the_same_record() -> None:
    stamped = prompted(made("none"), {"d0"})
    quiet = background(read("/etc/hosts", 0.1))
    assert prompted(stamped, {"d0", "d1"}) is stamped
    assert prompted(quiet, {"d0"}) is quiet
    assert prompted(made("none"), ()) == made("none")
