"""What a rule needs is written before the call ends; the first revision takes its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from triptych.models.events import Call, ToolDefinition
from triptych.models.turn import EARLY, RUNNING

STAMP: dict[str, Any] = {"calls": (0,), "binding": "exact", "evidence": "leased"}


def early(played: Any) -> list[Call]:
    return [call for call in played.written if EARLY in call.coverage.notes]


def touched(story: Any, at: int, path: str, call: str = "a") -> Any:
    return story.batch(at, story.opened(at, path, **STAMP), calls=(call,))


def test_a_sensitive_read_is_told_while_the_call_still_runs(story: Any) -> None:
    at = story.start
    played = story.play([story.message("a", "request", at), touched(story, at + 1, "/secret")], to_the_end=False)
    (call,) = early(played)
    assert (call.state, call.call_id, call.tool) == ("segment", "a", "read_config")
    assert ([effect.sensitivity for effect in call.effects], call.coverage.notes) == (["secret.test"], (RUNNING, EARLY))
    assert all(pin.held for pin in played.pins)


def test_the_first_revision_follows_and_takes_the_place_of_the_early_record(story: Any) -> None:
    at = story.start
    told = [story.message("a", "request", at), touched(story, at + 1, "/secret"), touched(story, at + 2, "/srv/b")]
    played = story.play([*told, story.message("a", "response", at + 3)])
    assert [call.revision for call in played.written] == [-9, 0]
    assert (played["a"].state, len(played["a"].effects), played["a"].coverage.notes) == (
        "complete",
        2,
        ("sensor silent",),
    )
    assert len({call.event_id for call in played.written}) == 2


def test_what_is_ordinary_waits_for_the_end(story: Any) -> None:
    assert early(story.play(story.timeline("a  [-oo-]"))) == []


def test_effects_before_their_request_wait_for_it(story: Any) -> None:
    at = story.start
    played = story.play([touched(story, at + 1, "/secret"), story.message("a", "request", at)], to_the_end=False)
    assert [call.tool for call in early(played)] == ["read_config"]


@pytest.mark.parametrize(
    "reply", [{"tools": (ToolDefinition(name="t", digest="d"),)}, {"anomalies": ("duplicate-key",)}]
)
def test_a_reply_that_describes_tools_or_is_odd_is_told_at_once(story: Any, reply: dict[str, Any]) -> None:
    at = story.start
    told = [story.message("a", "request", at), story.message("a", "response", at + 5, **reply)]
    (call,) = early(story.play(told, to_the_end=False))
    assert (call.tools, call.anomalies, call.coverage.notes) == (
        reply.get("tools", ()),
        reply.get("anomalies", ()),
        ("sensor silent", EARLY),
    )


def test_a_call_is_told_early_a_few_times_however_much_it_does(story: Any) -> None:
    at = story.start
    kinds = ("/secret", "/srv/a") * 40
    told = [touched(story, at + n, f"{path}/{n}") for n, path in enumerate(kinds, 1)]
    assert len(early(story.play([story.message("a", "request", at), *told]))) == 1


def test_background_effects_are_told_early_as_what_they_are(story: Any) -> None:
    at = story.start
    lone = story.batch(at, story.opened(at, "/secret", calls=(), binding="none"))
    played = story.play([story.message("a", "request", at - 1, lease="none"), lone, story.batch(at + 10**9)])
    assert {call.state for call in early(played)} <= {"background", "segment"}


def test_the_same_facts_in_another_order_end_in_the_same_first_revision(story: Any) -> None:
    at = story.start
    told = [
        story.message("a", "request", at),
        touched(story, at + 1, "/secret/1"),
        touched(story, at + 2, "/secret/2"),
        story.message("a", "response", at + 3, anomalies=("odd",)),
    ]
    one, other = story.play(told)["a"], story.play([told[3], told[2], told[0], told[1]])["a"]
    assert replace(one, anomalies=()) == replace(other, anomalies=())
