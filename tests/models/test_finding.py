from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models import baseline as keys
from triptych.models import finding, testing, wire
from triptych.models.detections.engine import Rulebook
from triptych.models.detections.engine.subjects import BINDINGS
from triptych.models.events import Alert, Binding, Coverage, LearningState, Principal, Reason, Score, Server
from triptych.models.risk import Judgement
from triptych.models.turn import Turn

BOOK = Rulebook.load()
OUT = "203.0.113.7:443"
KNOWN = {"files": testing.baseline(supports={keys.tool_key("read_config"): 42})}


def stolen(**values: object) -> Turn:
    effects = (
        testing.read("/srv/app/config.toml", 0.1, declared=True),
        testing.read("/home/ann/.aws/credentials", 0.2),
        testing.connect(OUT, 0.3),
        testing.send(OUT, 1200, 0.4),
    )
    return testing.turn(testing.call("read_config", *effects, **values), spans=[testing.span()])


def judged(risk: float = 83.0, state: LearningState = "active") -> Judgement:
    score = Score(risk=risk, p=4.8e-4, calibration_size=120, state=state, model_id="m1")
    return Judgement(score, (Reason(fact="4 files opened, usually 1", layer="execution", weight=0.6),))


def assembled(turn: Turn, judgement: Judgement | None = None, told: int = 0) -> Alert:
    evaluation = BOOK.evaluate(turn, KNOWN)
    return finding.assemble(
        turn, evaluation.hits, judgement, KNOWN, tenant="acme", told=told, not_judged=evaluation.not_judged
    )


def test_a_turn_gives_one_finding_that_holds_every_hit() -> None:
    alert = assembled(stolen())
    assert [hit.id for hit in alert.rules] == [
        "chain.credential-read-then-egress",
        "execution.first-egress-by-no-network-tool",
        "execution.credential-read",
    ]
    assert (alert.activity, alert.sequence, alert.severity, alert.risk) == ("create", 1, "critical", 95.0)


def test_the_message_says_what_was_read_what_left_and_how_unheard_of_that_is() -> None:
    assert assembled(stolen()).message == (
        "read_config read /…/.aws/credentials (secret.cloud) and then sent 1.2 KB to 203.0.113.7:443, "
        "never contacted by read_config (0 of 42 sessions)"
    )


def test_without_a_baseline_nothing_is_claimed_of_earlier_sessions() -> None:
    turn = stolen()
    alert = finding.assemble(turn, BOOK.evaluate(turn, {}).hits, None, {}, tenant="acme")
    assert alert.message.endswith("sent 1.2 KB to 203.0.113.7:443")
    assert not [reason for reason in alert.reasons if "sessions" in reason.fact]


def test_reasons_are_facts_with_counts_each_once() -> None:
    facts = [reason.fact for reason in assembled(stolen(), judged()).reasons]
    assert "203.0.113.7:443: never contacted by read_config (0 of 42 sessions)" in facts
    assert "read_config never reached outside before (0 of 42 sessions)" in facts
    assert "4 files opened, usually 1" in facts
    assert len(facts) == len(set(facts))


def test_a_finding_tells_the_risk_of_each_layer_and_how_many_agree() -> None:
    layers = replace(judged(), layers={"agent": 3.2, "protocol": 41.0, "execution": 93.1})
    reason = assembled(stolen(), layers).reasons[-1]
    assert reason.fact == "unusual by itself in 2 of 3 layers (risk of execution 93, protocol 41, agent 3)"
    assert reason.layer == "chain"


def test_agreement_is_told_however_many_reasons_there_are() -> None:
    many = tuple(Reason(fact=f"fact {number}", layer="protocol", weight=0.01) for number in range(40))
    judgement = replace(judged(), reasons=many, layers={"execution": 20.0})
    reasons = assembled(stolen(), judgement).reasons
    assert (len(reasons), reasons[-1].fact) == (24, "unusual by itself in 0 of 1 layer (risk of execution 20)")


def test_the_three_layers_stand_in_event_time_with_what_matters_marked() -> None:
    timeline = assembled(stolen()).timeline
    assert [entry.layer for entry in timeline] == ["agent", "protocol", *["execution"] * 4, "protocol"]
    assert [entry.wall_ns for entry in timeline] == sorted(entry.wall_ns for entry in timeline)
    assert [entry.title for entry in timeline if entry.notable] == [
        "python3 read /…/.aws/credentials (secret.cloud)",
        "python3 connected to 203.0.113.7:443",
        "python3 sent 1.2 KB to 203.0.113.7:443",
    ]


def test_every_source_a_rule_names_stands_in_the_timeline() -> None:
    alert = assembled(stolen())
    assert {source for hit in alert.rules for source in hit.evidence} <= {entry.source for entry in alert.timeline}


def test_a_long_turn_is_shortened_to_a_hundred_lines_and_keeps_what_rules_point_at() -> None:
    dull = tuple(testing.read(f"/srv/data/{index}", 0.001 * index) for index in range(400))
    attack = (testing.read("/home/ann/.aws/credentials", 0.5), testing.connect(OUT, 0.6))
    alert = assembled(testing.turn(testing.call("read_config", *dull, *attack)))
    assert (len(alert.timeline), len(alert.effects)) == (100, 100)
    assert sum(entry.notable for entry in alert.timeline) == 2
    assert "timeline shortened by 304 lines" in alert.coverage.notes
    assert "302 effects not shown" in alert.coverage.notes


def test_the_same_turn_gives_the_same_finding_and_another_tenant_or_turn_another_one() -> None:
    assert assembled(stolen()) == assembled(stolen())
    uids = {finding.finding_uid(tenant, turn) for tenant in ("a", "b") for turn in ("x", "y")}
    assert len(uids) == 4
    assert all(uid.startswith("trp-") and len(uid) == 20 for uid in uids)


def test_a_revision_keeps_the_id_and_raises_the_sequence() -> None:
    first = assembled(stolen())
    second = assembled(stolen(), told=first.sequence)
    last = finding.close(second)
    assert {alert.finding_uid for alert in (first, second, last)} == {first.finding_uid}
    assert [(alert.sequence, alert.activity) for alert in (first, second, last)] == [
        (1, "create"),
        (2, "update"),
        (3, "close"),
    ]
    assert len({alert.event_id for alert in (first, second, last)}) == 3


def test_a_revision_that_says_the_same_has_the_same_gist() -> None:
    first = assembled(stolen())
    assert finding.gist(first) == finding.gist(assembled(stolen(), told=first.sequence))


@pytest.mark.parametrize("turn", [stolen(), testing.turn(testing.call("read_config"))], ids=["hits", "none"])
def test_the_gist_is_known_before_the_story_is_told(turn: Turn) -> None:
    hits = BOOK.evaluate(turn, {}).hits
    alert = finding.assemble(turn, hits, None, {}, tenant="acme")
    assert finding.gist_of(turn, hits, None) == finding.gist(alert)


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "high"},
        {"risk": 60.0},
        {"rules": ()},
        {"call_ids": ("other",)},
        {"binding": "lineage"},
        {"coverage": Coverage(protocol=True, execution=True)},
    ],
)
def test_what_an_analyst_must_know_now_changes_the_gist(change: dict[str, object]) -> None:
    first = assembled(stolen())
    assert finding.gist(first) != finding.gist(replace(first, **change))  # type: ignore[arg-type]


def lone_egress() -> Turn:
    return testing.turn(testing.call("read_config", testing.connect(OUT, 0.3)))


def test_an_agreeing_score_and_an_agent_raise_the_severity_one_step() -> None:
    assert assembled(lone_egress()).severity == "high"
    assert assembled(lone_egress(), judged()).severity == "critical"


@pytest.mark.parametrize("judgement", [judged(50), judged(95, "learning")])
def test_a_score_that_is_low_or_still_learning_raises_nothing(judgement: Judgement) -> None:
    assert assembled(lone_egress(), judgement).severity == "high"


def test_agreement_counts_only_where_an_agent_was_seen() -> None:
    call = testing.call("read_config", testing.connect(OUT, 0.3), coverage=Coverage(protocol=True, execution=True))
    assert assembled(testing.turn(call), judged()).severity == "high"


def test_severity_never_rises_above_critical() -> None:
    assert assembled(stolen(), judged(99)).severity == "critical"


@pytest.mark.parametrize(
    ("risk", "severity"), [(19, "informational"), (20, "low"), (40, "medium"), (70, "high"), (90, "critical")]
)
def test_a_score_alone_takes_its_band(risk: float, severity: str) -> None:
    quiet = testing.turn(testing.call("read_config", testing.read("/srv/a", 0.1)))
    alert = assembled(quiet, judged(risk))
    assert (alert.severity, alert.risk) == (severity, risk)
    assert alert.title == "Unusual for this server: read_config on files"
    assert "4 files opened, usually 1" in alert.message


def test_risk_is_the_higher_of_rule_and_score() -> None:
    assert assembled(lone_egress(), judged(50)).risk == 80
    assert assembled(lone_egress(), judged(99)).risk == 99


def test_a_finding_on_candidates_alone_stays_medium() -> None:
    guess = testing.turn(testing.call("read_config", testing.read("/srv/a", 0.1, binding="candidates")))
    assert assembled(guess, judged(99)).severity == "medium"


def test_weak_bindings_losses_and_missing_layers_cost_confidence() -> None:
    def confidence(binding: Binding = "exact", **coverage: object) -> int:
        watched = {"protocol": True, "execution": True, "agent": True, **coverage}
        effects = (
            testing.read("/home/ann/.aws/credentials", 0.2, binding=binding),
            testing.connect(OUT, 0.3, binding=binding),
        )
        call = testing.call("read_config", *effects, coverage=Coverage(**watched))  # type: ignore[arg-type]
        return assembled(testing.turn(call)).confidence

    assert confidence() > confidence("cooperative") > confidence("lineage")
    assert confidence() > confidence(lost_events=3)
    assert confidence() > confidence(agent=False) > confidence(protocol=False)


@given(st.sampled_from(BINDINGS[1:]), st.booleans(), st.integers(0, 9), st.sampled_from(["learning", "active"]))
def test_confidence_is_always_between_its_bounds(
    binding: Binding, agent: bool, lost: int, state: LearningState
) -> None:
    coverage = Coverage(agent=agent, lost_events=lost)
    call = testing.call("a", testing.read("/srv/a", 0.1, binding=binding), coverage=coverage)
    assert 5 <= assembled(testing.turn(call), judged(80, state)).confidence <= 95


def test_a_chain_points_at_the_call_that_sent_and_rests_on_all_its_calls() -> None:
    turn = testing.turn(
        testing.call("list_files", at_s=0),
        testing.call("fetch_page", testing.receive("203.0.113.80:443", 5000, 1.2), at_s=1),
        testing.call("read_file", testing.read("/srv/app/.env", 3.1), at_s=3),
        testing.call("post_message", testing.send("198.51.100.20:443", 900, 5.1), at_s=5),
    )
    alert = assembled(turn)
    assert alert.tool == "post_message"
    assert alert.call_ids == tuple(call.call_id for call in turn.calls[1:])
    assert alert.message == (
        "fetch_page received 5.0 KB from 203.0.113.80:443 and then read_file read /srv/app/.env (secret.app) "
        "and then post_message sent 900 B to 198.51.100.20:443"
    )


def test_a_changed_definition_names_server_and_tool() -> None:
    known = testing.definition("read_config")
    supports = {keys.definition_key("read_config", known.digest): 42, keys.tool_definitions_key("read_config"): 42}
    call = testing.call("", method="tools/list", tools=(testing.definition("read_config", "second"),))
    turn, views = testing.turn(call), {"files": testing.baseline(supports=supports)}
    alert = finding.assemble(turn, BOOK.evaluate(turn, views).hits, None, views, tenant="acme")
    assert alert.message.startswith("files described read_config anew (digest ")
    assert alert.message.endswith("read_config was never described this way (0 of 42 sessions)")
    assert [entry.title for entry in alert.timeline if entry.notable] == ["tools/list described 1 tool"]


def test_what_could_not_be_judged_is_written_into_the_finding() -> None:
    turn = stolen()
    evaluation = BOOK.evaluate(turn, {})
    alert = finding.assemble(turn, evaluation.hits, None, {}, tenant="acme", not_judged=evaluation.not_judged)
    [note] = [note for note in alert.coverage.notes if "first-egress" in note]
    assert note.startswith("not judged: execution.first-egress-by-no-network-tool (")
    assert "the baseline is learning" in note


def test_no_hostile_name_reaches_a_finding_as_it_was() -> None:
    hostile = "\x1b[2J\u202eevil\n"
    effects = (testing.read(f"/home/ann/.aws/{hostile}", 0.2), testing.connect(OUT, 0.3))
    turn = testing.turn(testing.call(hostile, *effects), spans=[testing.span(agent=hostile, name=hostile)])
    alert = assembled(turn)
    shown = (
        alert.title,
        alert.message,
        alert.tool or "",
        alert.agent or "",
        *(entry.title for entry in alert.timeline),
        *(reason.fact for reason in alert.reasons),
        *(effect.path or "" for effect in alert.effects),
    )
    assert alert.rules
    assert not [text for text in shown if any(char in text for char in "\x1b\u202e\n")]


def test_a_finding_fits_its_schema() -> None:
    codec = wire.bundled()
    alert = assembled(stolen(), judged())
    assert codec.decode(codec.encode(alert)) == alert


def test_a_theft_outside_every_call_is_a_severe_finding_of_its_server() -> None:
    turn = Turn("w/b", (testing.background(testing.read("/home/ann/.netrc", 0.1), testing.send(OUT, 900, 0.2)),))
    alert = assembled(turn)
    assert (alert.severity, alert.risk, alert.tool, alert.server.id) == ("high", 85.0, None, "files")
    assert alert.message == "background read /home/ann/.netrc (secret.app) and then sent 900 B to 203.0.113.7:443"


def test_what_server_and_principal_say_of_themselves_is_harmless_in_the_record_too() -> None:
    hostile = "x\x1b[2J\n\u202ey" * 100
    server = Server(id=hostile, claimed_name=hostile, claimed_version=hostile, executable=hostile, pid=7)
    principal = Principal(kind="configured", id=hostile, executable=hostile)
    turn = stolen(principal=principal, conversation=hostile, host=hostile, cluster=hostile)
    alert = assembled(replace(turn, calls=tuple(replace(call, server=server) for call in turn.calls)))
    said = (
        *(alert.server.id, alert.server.claimed_name, alert.server.claimed_version, alert.server.executable),
        *(alert.principal.id, alert.principal.executable, alert.conversation, alert.host, alert.cluster),
    )
    assert all(text and text.isprintable() and len(text) <= 256 for text in said)
    assert alert.server.pid == 7
    assert wire.bundled().decode(wire.bundled().encode(alert), Alert) == alert
