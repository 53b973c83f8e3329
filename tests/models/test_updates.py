from __future__ import annotations

from dataclasses import replace

import pytest

from triptych.models.baseline import PROVISIONAL, Baseline, keys_of, turn_keys
from triptych.models.editions import edition_key
from triptych.models.events import Call, Placement, ToolDefinition
from triptych.models.history import from_json, reduced, to_json
from triptych.models.model import Model
from triptych.models.risk import judge
from triptych.models.testing import call, turn
from triptych.models.testing_traffic import injection_chain, sessions, views
from triptych.models.training import train
from triptych.models.turn import Turn
from triptych.models.updates import updates

OLD, NEW = "sha256:old", "sha256:new"


def at(one: Call, image: str, version: str = "1.0") -> Call:
    server = replace(one.server, claimed_version=version)
    return replace(one, server=server, placement=Placement(image=image))


def edition(one: Turn, image: str) -> Turn:
    return replace(one, calls=tuple(at(each, image) for each in one.calls))


def known(*counts: tuple[Call, int]) -> Baseline:
    """A baseline that saw each call in so many sessions, by people in turn."""
    baseline = Baseline("files")
    shown = [one for one, count in counts for _ in range(count)]
    for number, one in enumerate(shown):
        baseline.learn(f"s{number}", f"p{number % 3}", keys_of(one))
    return baseline


def news(one: Call, baseline: Baseline) -> tuple[str, ...]:
    return updates([one], views(turn(one), baseline))


def test_a_new_image_opens_a_watch_that_enough_sessions_close() -> None:
    old, new = at(call("read"), OLD), at(call("read"), NEW)
    assert news(new, known((old, PROVISIONAL))) == (
        "image sha256:new: in 0 of 40 sessions, so this came after an update",
    )
    assert len(news(new, known((old, PROVISIONAL), (new, PROVISIONAL - 1)))) == 1
    assert news(new, known((old, PROVISIONAL), (new, PROVISIONAL))) == ()


def test_a_new_version_opens_a_watch_too() -> None:
    old = at(call("read"), OLD)
    assert [fact.split(":")[0] for fact in news(at(old, OLD, "2.0"), known((old, 50)))] == ["version 2.0"]


def test_a_new_definition_opens_a_watch_too() -> None:
    first, second = (call("", tools=(ToolDefinition(name="read", digest=digest),)) for digest in "ab")
    assert news(second, known((first, 50)))[0].startswith("definition of read: in 0 of 50 sessions")


@pytest.mark.parametrize("count", [0, PROVISIONAL - 1])
def test_a_young_server_has_nothing_to_compare_with(count: int) -> None:
    assert news(at(call("read"), NEW), known((at(call("read"), OLD), count))) == ()


def test_a_server_that_tells_no_edition_is_never_watched() -> None:
    assert news(call("read"), known((at(call("read"), OLD), 50))) == ()
    assert edition_key("image") not in keys_of(call("read"))


def test_a_claimed_version_is_cleaned_before_it_is_shown() -> None:
    (fact,) = news(at(call("read"), OLD, "2\x1b[2J" + "9" * 500), known((at(call("read"), OLD), 50)))
    assert fact.isprintable()
    assert len(fact) < 150


def test_a_remembered_turn_gives_the_same_editions() -> None:
    one = edition(sessions(1)[0], OLD)
    assert turn_keys(from_json(to_json(reduced(one))).calls, "files") == turn_keys(one.calls, "files")


@pytest.fixture(scope="module")
def model() -> Model:
    return train(sessions(170), seed=1)


def test_after_an_update_a_server_is_provisional_and_the_reasons_say_so(model: Model) -> None:
    baseline = Baseline("files")
    for number, one in enumerate(sessions(170)):
        baseline.learn(f"s{number}", f"p{number % 6}", turn_keys(edition(one, OLD).calls, "files"))
    chain = injection_chain(3)
    before, after = (judge(model, one, views(one, baseline)) for one in (edition(chain, OLD), edition(chain, NEW)))
    assert before is not None
    assert after is not None
    assert (before.score.state, after.score.state) == ("active", "provisional")
    assert before.score.risk == after.score.risk > 75
    assert after.reasons[-1].fact.endswith("came after an update")
    assert after.reasons[:-1] == before.reasons
