from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from triptych.models import baseline as keys
from triptych.models import testing
from triptych.models.baseline import BaselineView
from triptych.models.detections.engine import Hit, Rulebook
from triptych.models.detections.engine.subjects import BINDINGS
from triptych.models.events import Effect
from triptych.models.turn import Turn

BOOK = Rulebook.load()
X01 = "chain.credential-read-then-egress"
SECRET, OUT = "/home/ann/.aws/credentials", "203.0.113.7:443"


ALONE = {"chain.uncorrelated-execution", "execution.credential-read"}  # what they say of a read goes with every theft


def hits(turn: Turn, views: Mapping[str, BaselineView] | None = None) -> list[Hit]:
    return [hit for hit in BOOK.evaluate(turn, views or {}).hits if hit.rule.id not in ALONE]


def hit_ids(turn: Turn) -> list[str]:
    return [hit.rule.id for hit in hits(turn)]


def test_an_ordinary_turn_is_quiet_and_everything_was_judged() -> None:
    turn = testing.turn(testing.call("read_config", testing.read("/srv/app/config.toml", 0.1)))
    evaluation = BOOK.evaluate(turn, {})
    assert (evaluation.hits, evaluation.not_judged) == ((), ())


def test_a_hit_names_the_very_effects_it_rests_on() -> None:
    effects = (testing.read("/srv/a", 0.1), testing.read(SECRET, 0.2), testing.connect(OUT, 0.3))
    call = testing.call("read_config", *effects)
    [hit] = hits(testing.turn(call))
    assert hit.record.evidence == (call.effects[1].source, call.effects[2].source)


def test_three_layers_that_did_not_watch_leave_every_rule_of_theirs_unjudged() -> None:
    call = testing.call()
    blind = replace(call, coverage=replace(call.coverage, execution=False))
    [reason] = {entry.reason for entry in BOOK.evaluate(testing.turn(blind), {}).not_judged}
    assert reason == "the execution layer did not watch 1 of 1 calls"


def test_a_weak_binding_is_said_to_be_the_reason() -> None:
    effects = (testing.read(SECRET, 0.2, binding="window"), testing.connect(OUT, 0.3, binding="window"))
    [entry] = [
        entry for entry in BOOK.evaluate(testing.turn(testing.call("a", *effects)), {}).not_judged if entry.rule == X01
    ]
    assert entry.reason == "effects are bound to the call by window only, lineage is needed"


def test_a_young_baseline_is_said_to_be_the_reason() -> None:
    turn = testing.turn(testing.call("read_config", testing.connect(OUT, 0.3)))
    view = testing.baseline(supports={keys.tool_key("read_config"): 7})
    [entry] = BOOK.evaluate(turn, {"files": view}).not_judged
    assert entry.reason == "the baseline has 7 of the 20 sessions that it needs"


def test_a_fact_of_one_principal_alone_does_not_silence_a_rule() -> None:
    turn = testing.turn(testing.call("read_config", testing.connect(OUT, 0.3)))
    view = testing.baseline(supports={keys.tool_key("read_config"): 42})
    taught = replace(view, supports={**view.supports, keys.egress_key("read_config"): keys.Support(30, 1)})
    [hit] = BOOK.evaluate(turn, {"files": taught}).hits
    assert [(seen.sessions, seen.of) for seen in hit.matches[0].seen] == [(30, 42)]


def test_hundreds_of_reads_and_sends_in_the_wrong_order_stay_quiet() -> None:
    sends = [testing.send(OUT, at_s=index / 1000) for index in range(256)]
    reads = [testing.read(SECRET, 0.5 + index / 1000) for index in range(256)]
    assert hit_ids(testing.turn(testing.call("a", *sends, *reads))) == []


EFFECTS = st.lists(
    st.builds(
        lambda kind, at, binding: replace(kind(at), binding=binding),
        st.sampled_from(
            [
                lambda at: testing.read(SECRET, at),
                lambda at: testing.read("/srv/app/config.toml", at),
                lambda at: testing.connect(OUT, at),
                lambda at: testing.connect("10.0.0.1:80", at),
            ]
        ),
        st.floats(0, 1),
        st.sampled_from(BINDINGS),
    ),
    max_size=8,
)


@given(EFFECTS)
def test_the_rule_agrees_with_its_definition_written_out(effects: list[Effect]) -> None:
    strong = [effect for effect in effects if BINDINGS.index(effect.binding) >= BINDINGS.index("lineage")]
    reads = [effect.wall_ns for effect in strong if effect.sensitivity]
    sends = [effect.wall_ns for effect in strong if effect.destination == "outside"]
    expected = any(read <= send for read in reads for send in sends)
    assert (X01 in hit_ids(testing.turn(testing.call("a", *effects)))) is expected


@given(EFFECTS, st.randoms())
def test_the_order_in_which_effects_arrive_changes_no_verdict(effects: list[Effect], random: object) -> None:
    shuffled = list(effects)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (testing.turn(testing.call("a", *some)) for some in (effects, shuffled))
    assert hit_ids(one) == hit_ids(other)


@given(EFFECTS)
def test_evaluating_twice_says_the_same(effects: list[Effect]) -> None:
    turn = testing.turn(testing.call("a", *effects))
    assert BOOK.evaluate(turn, {}) == BOOK.evaluate(turn, {})


A02 = "chain.untrusted-read-then-sensitive-read-then-egress"
KINDS = {
    "take in": lambda at: testing.receive("10.0.0.80:80", at_s=at),
    "read": lambda at: testing.read("/srv/app/.env", at),
    "send": lambda at: testing.send(OUT, at_s=at),
}


@given(
    st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 9), st.integers(1, 4)), max_size=7, unique=True)
)
def test_a_chain_needs_calls_that_began_after_the_reply_before(told: list[tuple[str, int, int]]) -> None:
    calls = [
        testing.call(f"{kind}{start}{lasts}", KINDS[kind](start + 0.5), at_s=start, lasts_s=lasts)
        for kind, start, lasts in told
    ]
    intakes = [(start, start + lasts) for kind, start, lasts in told if kind == "take in"]
    reads = [(start, start + lasts) for kind, start, lasts in told if kind == "read"]
    sends = [start for kind, start, _ in told if kind == "send"]
    expected = any(intake[1] <= read[0] and read[1] <= send for intake in intakes for read in reads for send in sends)
    assert (A02 in hit_ids(testing.turn(*calls))) is expected


def test_what_a_server_does_outside_every_call_is_judged_without_a_binding() -> None:
    theft = testing.background(testing.read(SECRET, 0.1), testing.connect(OUT, 0.2))
    [hit] = hits(testing.turn(theft))
    assert hit.rule.id == "execution.background-credential-read-then-egress"
    assert hit.record.evidence == tuple(effect.source for effect in theft.effects)


def test_a_turn_of_calls_alone_gives_a_rule_of_the_background_nothing_to_lack() -> None:
    call = testing.call()
    blind = replace(call, coverage=replace(call.coverage, execution=False))
    lacking = {entry.rule for entry in BOOK.evaluate(testing.turn(blind), {}).not_judged}
    assert lacking
    assert "execution.background-credential-read-then-egress" not in lacking


def test_effects_of_a_process_that_outlives_its_call_are_as_good_as_its_own() -> None:
    effects = (testing.read(SECRET, 4, binding="lineage"), testing.connect(OUT, 5, binding="lineage"))
    assert hit_ids(testing.turn(testing.call("read_config", *effects, lasts_s=1))) == [X01]
