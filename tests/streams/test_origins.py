"""What the user named: prompts that agents tell of, met with arguments in one turn."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from triptych.models.baseline import BaselineView, Support
from triptych.models.events import AgentSpan, ArgumentFact, Call, Coverage
from triptych.models.sources import source_key
from triptych.models.testing import call, span
from triptych.streams.openturn import OpenTurn

TO = ArgumentFact(pointer="/to", type="string", digests=("d-team",), origin="none")
PATH = ArgumentFact(pointer="/path", type="string", digests=("d-file",), origin="result", origin_call="c0")
MAIL = call("send_mail", at_s=1, arguments=(TO, PATH), coverage=Coverage(protocol=True))
ASKED = span("chat", at_s=0, span_id="a" * 16, prompt_digests=("d-team", "d-other"))
MORE = span("chat", at_s=2, span_id="b" * 16, prompt_digests=("d-file",))
PROMPTED = {source_key("send_mail", "/to", "prompt"), source_key("send_mail", "/path", "prompt")}


def taken(*records: Call | AgentSpan) -> tuple[OpenTurn, set[str]]:
    """A turn that took these records one by one, and all that it asked."""
    turn, asked = OpenTurn("t"), set[str]()
    for record in records:
        keys = turn.questions([record]).get("files", ())
        asked |= set(keys)
        turn.take(record)
        view = BaselineView("files", 9, 3, {key: Support(5, 2) for key in keys})
        turn.learn_of(record, (), {"files": view})
    return turn, asked


@pytest.mark.parametrize("order", [*permutations((MAIL, ASKED, MORE))])
def test_an_argument_that_a_prompt_names_comes_from_the_prompt_whatever_came_first(
    order: tuple[Call | AgentSpan, ...],
) -> None:
    turn, asked = taken(*order)
    (mail,) = turn.turn().calls
    assert [fact.origin for fact in mail.arguments] == ["prompt", "prompt"]
    assert mail.coverage.agent
    assert asked >= PROMPTED
    assert all(turn.views["files"].count(key) == 5 for key in PROMPTED)


def test_records_of_one_chunk_ask_what_they_ask_one_by_one() -> None:
    _, asked = taken(ASKED, MAIL)
    assert set(OpenTurn("t").questions([ASKED, MAIL])["files"]) == asked
    assert set(OpenTurn("t").questions([MAIL, ASKED])["files"]) >= asked


def test_an_argument_no_prompt_names_keeps_its_origin() -> None:
    turn, _ = taken(ASKED, MAIL)
    (mail,) = turn.turn().calls
    assert [(fact.origin, fact.origin_call) for fact in mail.arguments] == [("prompt", None), ("result", "c0")]


def test_a_later_revision_of_a_call_keeps_what_the_prompt_told() -> None:
    turn, _ = taken(MAIL, ASKED, replace(MAIL, revision=1))
    assert turn.turn().calls[0].arguments[0].origin == "prompt"


def test_without_prompts_nothing_is_asked_of_sources() -> None:
    turn, asked = taken(MAIL, span("chat", at_s=0, span_id="c" * 16))
    assert not any(key.startswith("source") for key in asked)
    assert turn.turn().calls == (MAIL,)


def test_the_digests_of_prompts_are_not_kept_with_every_span() -> None:
    turn, _ = taken(ASKED, MORE)
    assert [one.prompt_digests for one in turn.turn().spans] == [(), ()]
