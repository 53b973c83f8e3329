from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from triptych.models.baseline import BaselineView, Support, keys_of
from triptych.models.detections.engine import Evaluation, Growing, Rulebook
from triptych.models.detections.engine.conditions import Judging
from triptych.models.detections.engine.subjects import Subject
from triptych.models.events import Call
from triptych.models.testing import call, definition, read, receive, send, span
from triptych.models.turn import EARLY, RUNNING, Turn

RULES = Rulebook.load()
SECRET = read("/home/ann/.aws/credentials", 0.1)
OUT = send("198.51.100.66:9911", 400_000, at_s=0.2)
EFFECTS = ((), (SECRET,), (OUT,), (SECRET, OUT), (receive("203.0.113.80:443"),), (replace(OUT, binding="candidates"),))


def gist(evaluation: Evaluation) -> tuple[object, ...]:
    hits = [
        (hit.rule.id, hit.severity, hit.risk, [(match.subject.source, match.seen) for match in hit.matches])
        for hit in evaluation.hits
    ]
    return hits, evaluation.not_judged


@st.composite
def revisions(draw: st.DrawFn) -> Call:
    at_s = draw(st.integers(0, 5)) * 2
    made = call(draw(st.sampled_from(["read_config", "send_report"])), *draw(st.sampled_from(EFFECTS)), at_s=at_s)
    coverage = replace(
        made.coverage,
        execution=draw(st.booleans()),
        notes=draw(st.sampled_from([(), (EARLY, RUNNING)])),
    )
    listed = draw(st.sampled_from(["", "first", "closed"]))
    tools = (definition("read_config", listed, open_world=listed != "closed"),) if listed else ()
    return replace(made, call_id=f"call-{at_s}", coverage=coverage, tools=tools)


def view(sessions: int, calls: tuple[Call, ...]) -> BaselineView:
    supports = {key: Support(sessions // 2, 2) for one in calls for key in keys_of(one) if len(key) % 3}
    return BaselineView("files", sessions, 3, supports)


@given(st.lists(revisions(), min_size=1, max_size=8), st.sampled_from([0, 50, 400]), st.booleans())
def test_a_turn_judged_as_it_grows_is_judged_as_if_it_came_at_once(
    told: list[Call], sessions: int, spans: bool
) -> None:
    memory, known = Growing(), dict[str, Call]()
    views = {"files": view(sessions, tuple(told))}
    for record in told:
        known[record.call_id] = record
        if len(known) > 3:
            del known[min(known)]
        calls = tuple(sorted(known.values(), key=lambda one: one.started_ns))
        turn = Turn("t", calls, (span(),) if spans and len(known) > 1 else ())
        assert gist(RULES.evaluate(turn, views, memory)) == gist(RULES.evaluate(turn, views))


def test_a_call_is_asked_once_for_each_of_its_revisions() -> None:
    asked: list[str] = []

    def counting(subject: Subject, judging: Judging) -> bool:
        asked.append(subject.call.call_id)
        return False

    [rule] = (rule for rule in RULES.rules if rule.id == "execution.credential-read")
    book = Rulebook([replace(rule, steps=(replace(rule.steps[0], rest=counting),))])
    memory, calls = Growing(), tuple(call("read_config", SECRET, at_s=number) for number in range(20))
    for upto in range(1, len(calls) + 1):
        book.evaluate(Turn("t", calls[:upto]), {}, memory)
    assert Counter(asked) == {one.call_id: 1 for one in calls}


def test_other_rules_are_asked_anew() -> None:
    memory, turn = Growing(), Turn("t", (call("read_config", SECRET, OUT),))
    assert RULES.evaluate(turn, {}, memory).hits
    assert not Rulebook([]).evaluate(turn, {}, memory).hits
    assert RULES.evaluate(turn, {}, memory).hits
