from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.baseline import BaselineView, Support, keys_of, turn_keys
from triptych.models.detections.engine import Evaluation, Hit, Place, Rulebook, Windowed, WindowHit
from triptych.models.errors import ConfigError
from triptych.models.events import AgentSpan, Alert, Call, Coverage, DeadLetter
from triptych.models.history import from_json
from triptych.models.model import Model
from triptych.models.testing import START_NS, background, call, read, receive, send, span
from triptych.models.testing_traffic import learned, sessions, theft
from triptych.models.training import train
from triptych.models.turn import EARLY, RUNNING, Turn
from triptych.streams import openturn
from triptych.streams.judgement import Judge, Judging
from triptych.streams.known import Known, Learn, Remember
from triptych.streams.openturn import OpenTurn
from triptych.streams.pins import Pin
from triptych.streams.stage import Output, Step
from triptych.streams.turns import JudgeTimes, Turns, key_of

S = 1_000_000_000
TRAFFIC = sessions(48)
NORMAL = learned(TRAFFIC)
RULES = Rulebook.load()
TIMES = JudgeTimes(gap_ns=30 * S, max_turn_ns=600 * S, late_ns=60 * S)
RULE = next(rule for rule in RULES.rules if not rule.signal)
SECRET = read("/home/ann/.aws/credentials", 0.1)
OUT = send("198.51.100.66:9911", 4096, at_s=0.2)


class Bench:
    """A stage with its pins, and a store that answers from a baseline in memory."""

    def __init__(self, *, model: Model | None = None, rules: object = RULES) -> None:
        self.stage = Turns(TIMES, Judge(Judging(tenant="acme"), rules))  # type: ignore[arg-type]
        self.model = model
        self.pins: list[Pin] = []
        self.outputs: list[Output] = []
        self.writes: list[Learn | Remember] = []

    def take(self, *records: Call | AgentSpan) -> list[Alert]:
        """One chunk; the alerts that came of it."""
        wanted = self.stage.wanted(records)
        known = Known({server: NORMAL.view(keys) for server, keys in wanted.keys.items()}, self.model)
        pin = Pin()
        self.pins.append(pin)
        return [alert for record in records for alert in self._done(self.stage.add(record, pin, known))]

    def advance(self, at_s: float) -> list[Alert]:
        return self._done(self.stage.advance(START_NS + int(at_s * S)))

    def _done(self, step: Step) -> list[Alert]:
        for pin in step.releases:
            pin.release()
        self.outputs += step.outputs
        self.writes += [write for write in step.writes if isinstance(write, Learn | Remember)]
        return [output.value for output in step.outputs if isinstance(output.value, Alert)]


def at(record: Call | AgentSpan, at_s: float) -> Call | AgentSpan:
    return replace(record, wall_ns=START_NS + int(at_s * S))


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TRAFFIC, seed=1)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def attack(turns: Iterable[Turn] = ()) -> Turn:
    held_out = turns or sessions(6, seed=500, first=100)
    return theft(next(one for one in held_out if any(call.tool == "read_config" for call in one.calls)))


def test_a_rule_alerts_at_the_call_without_a_model_and_without_waiting(bench: Bench) -> None:
    alerts = bench.take(call("read_config", SECRET, OUT))
    assert [alert.activity for alert in alerts] == ["create"]
    assert alerts[0].sequence == 1
    assert alerts[0].rules


def test_an_alert_goes_out_twice_once_for_streams_and_once_for_siems(bench: Bench) -> None:
    (alert,) = bench.take(call("read_config", SECRET, OUT))
    avro, ocsf = bench.outputs
    assert (avro.topic, avro.key) == ("mcp.alerts", alert.workload)
    assert (ocsf.topic, ocsf.key) == ("mcp.alerts.ocsf", alert.finding_uid)
    assert isinstance(ocsf.value, bytes)
    assert orjson.loads(ocsf.value)["finding_info"]["uid"] == alert.finding_uid
    assert dict(ocsf.headers)["ocsf-class-uid"] == b"2004"


def test_a_turn_has_one_finding_whatever_comes_later(bench: Bench) -> None:
    first = call("read_config", SECRET, OUT)
    alerts = bench.take(first)
    alerts += bench.take(call("send_report", OUT, at_s=1))
    alerts += bench.take(span("execute_tool", tool="read_config"))
    alerts += bench.take(replace(first, revision=2, effects=(*first.effects, SECRET)))
    assert len({alert.finding_uid for alert in alerts}) == 1
    assert [alert.sequence for alert in alerts] == list(range(1, len(alerts) + 1))
    assert [alert.activity for alert in alerts][:1] == ["create"]
    assert len({alert.event_id for alert in alerts}) == len(alerts)


def test_what_tells_nothing_new_sends_nothing(bench: Bench) -> None:
    bench.take(call("read_config", SECRET, OUT), span("execute_tool", tool="read_config"))
    assert bench.take(span("chat", 0.5)) == []


def test_an_older_revision_changes_nothing(bench: Bench) -> None:
    newer = call("read_config", SECRET, OUT, revision=3)
    bench.take(newer)
    assert bench.take(replace(newer, revision=2, effects=())) == []
    assert bench.stage.counts()["superseded"] == 1
    assert not bench.pins[1].held


@given(st.permutations([0, 1, 2, 3, 4]), st.data())
def test_the_order_of_arrival_does_not_change_the_finding(order: Sequence[int], data: st.DataObject) -> None:
    records = (
        call("list_dir", at_s=0),
        call("read_config", SECRET, OUT, at_s=1),
        call("search", at_s=2),
        span("execute_tool", 0, tool="list_dir", span_id="a"),
        span("execute_tool", 1, tool="read_config", span_id="b"),
    )
    cut = data.draw(st.integers(1, 4))
    bench, plain = Bench(), Bench()
    shuffled = [records[index] for index in order]
    bench.take(*shuffled[:cut])
    bench.take(*shuffled[cut:])
    plain.take(*records)
    (last,), (expected,) = bench.advance(100), plain.advance(100)
    vary = {"sequence": 1, "event_id": ""}
    assert replace(last, **vary) == replace(expected, **vary)


def test_normal_turns_stay_quiet_and_the_theft_does_not(model: Model) -> None:
    bench = Bench(model=model, rules=Rulebook(()))
    for turn in sessions(6, seed=500, first=100):
        assert bench.take(*turn.calls, *turn.spans) == []
    alerts = Bench(model=model, rules=Rulebook(())).take(*attack().calls, *attack().spans)
    assert len({alert.finding_uid for alert in alerts}) == 1
    assert alerts[-1].risk > 75
    assert alerts[-1].score is not None
    assert alerts[-1].score.model_id == model.manifest.model_id
    assert any("198.51.100.66:9911: never contacted" in reason.fact for reason in alerts[-1].reasons)


def test_a_score_alone_does_not_alert_while_a_server_is_learned(model: Model) -> None:
    bench = Bench(model=model, rules=Rulebook(()))
    strange = replace(attack().calls[0], server=replace(attack().calls[0].server, id="young"))
    wanted = bench.stage.wanted([strange])
    young = {
        server: BaselineView(server, 39, 3, dict.fromkeys(keys, Support())) for server, keys in wanted.keys.items()
    }
    assert bench.stage.add(strange, Pin(), Known(young, model)).outputs == ()


def test_a_normal_turn_is_learned_when_it_closes(bench: Bench) -> None:
    turn = TRAFFIC[0]
    bench.take(*(at(one, 1) for one in turn.calls))
    assert bench.advance(30) == []
    assert bench.writes == []
    bench.advance(32)
    learn, remember = bench.writes
    assert isinstance(learn, Learn)
    assert isinstance(remember, Remember)
    assert (learn.session, learn.principal) == (turn.calls[0].conversation, turn.calls[0].principal.id)
    assert set(keys_of(turn.calls[0])) <= set(learn.keys)
    assert from_json(remember.body).key == turn.key


def test_what_alerted_is_never_learned(bench: Bench) -> None:
    bench.take(call("read_config", SECRET, OUT))
    (closed,) = bench.advance(100)
    assert closed.activity == "close"
    assert bench.writes == []
    assert bench.stage.counts()["quarantined"] == 1


def test_pins_are_held_until_the_turn_closes(bench: Bench) -> None:
    bench.take(at(call("list_dir"), 0), at(call("search", at_s=1), 1))
    bench.take(at(span("chat", 2), 2))
    assert all(pin.held for pin in bench.pins)
    bench.advance(31)
    assert all(pin.held for pin in bench.pins)
    assert bench.stage.next_deadline() == START_NS + 32 * S
    bench.advance(32)
    assert not any(pin.held for pin in bench.pins)


def test_a_late_revision_amends_the_finding_of_a_closed_turn(bench: Bench) -> None:
    quiet = call("read_config")
    bench.take(at(quiet, 1))
    bench.advance(40)
    (created,) = bench.take(at(replace(quiet, revision=2, effects=(SECRET, OUT)), 1))
    assert created.activity == "create"
    (closed,) = bench.advance(80)
    assert (closed.activity, closed.sequence) == ("close", 2)
    later = replace(quiet, revision=3, effects=(SECRET, OUT, send("198.51.100.67:80", 9000)))
    for alert in bench.take(at(later, 2), at(call("list_dir", SECRET, OUT, at_s=2), 2)):
        assert alert.activity == "update"
        assert alert.sequence > 2
    assert bench.stage.counts()["late"] == 2
    assert bench.advance(150)[0].sequence > 3


def test_closed_turns_are_forgotten_in_the_end(bench: Bench) -> None:
    bench.take(at(call("list_dir"), 0))
    bench.advance(31)
    assert bench.stage.levels() == {"open": 0, "closed": 1, "kept": 3}
    bench.advance(100)
    assert bench.stage.levels() == {"open": 0, "closed": 0, "kept": 0}
    assert bench.stage.next_deadline() is None


def test_a_turn_that_never_rests_is_closed_at_the_bound(bench: Bench) -> None:
    for second in range(0, 620, 20):
        bench.take(at(call("list_dir", at_s=second), second))
    bench.advance(605)
    assert not bench.pins[0].held
    assert bench.stage.levels()["closed"] == 1


def test_effects_without_a_call_are_a_turn_of_their_own_and_no_session(bench: Bench) -> None:
    own = replace(call("", read("/srv/x/y")), tool=None, method="", state="background", conversation="")
    bench.take(at(own, 1), at(call("list_dir"), 1))
    assert bench.stage.levels()["open"] == 2
    bench.advance(60)
    (background,) = [write for write in bench.writes if isinstance(write, Learn) and not write.counts]
    assert background.session == own.workload
    assert len([write for write in bench.writes if isinstance(write, Remember)]) == 1


def test_a_replay_writes_the_same(bench: Bench) -> None:
    again = Bench()
    for one in (bench, again):
        one.take(*(at(record, 1) for record in TRAFFIC[0].calls))
        one.take(call("read_config", SECRET, OUT))
        one.advance(100)
    assert bench.writes == again.writes
    assert bench.outputs == again.outputs


def test_the_store_is_asked_only_about_what_is_not_known_yet(bench: Bench) -> None:
    first = call("list_dir")
    assert bench.stage.wanted([first]).keys["files"]
    bench.take(first)
    assert bench.stage.wanted([replace(first, revision=5)]).keys["files"] == ()
    assert bench.stage.wanted([span()]).keys == {}


@pytest.mark.parametrize("most", [256, 2])
@pytest.mark.parametrize("backwards", [False, True])
def test_all_a_judgement_asks_for_is_wanted_before(
    model: Model, monkeypatch: pytest.MonkeyPatch, backwards: bool, most: int
) -> None:
    monkeypatch.setattr(openturn, "_MOST", most)
    for turn in (attack(), *sessions(5, seed=9)):
        stage = Turns(TIMES, Judge(Judging(), RULES))
        calls = turn.calls[::-1] if backwards else turn.calls
        for chunk in (calls[:2], calls[2:]):
            views = {server: NORMAL.view(keys) for server, keys in stage.wanted(chunk).keys.items()}
            for record in chunk:
                stage.add(record, Pin(), Known(views, model))
                (held,) = stage._turns.values()
                asked = turn_keys(held.turn().calls, "files")
                assert held.views["files"].supports.keys() >= set(asked)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.booleans()), max_size=14), st.integers(1, 5))
def test_all_orders_are_wanted_before_whatever_is_forgotten(told: list[tuple[str, int, bool]], cut: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openturn, "_MOST", 4)
        bench = Bench(rules=Rulebook(()))
        calls = [call(tool, *[SECRET][: int(notable)], at_s=at_s) for tool, at_s, notable in told]
        for start in range(0, len(calls), cut):
            bench.take(*calls[start : start + cut])
            (held,) = bench.stage._turns.values()
            assert held.views["files"].supports.keys() >= set(turn_keys(held.turn().calls, "files"))


def test_a_turn_of_too_many_calls_forgets_its_oldest(bench: Bench) -> None:
    bench.take(*(call("list_dir", at_s=number / 10, revision=1) for number in range(260)))
    assert bench.stage.counts()["trimmed"] == 4


def test_fillers_do_not_push_a_sensitive_read_out_of_its_turn(bench: Bench) -> None:
    bench.take(call("fetch_page", receive("203.0.113.80:443"), at_s=0))
    bench.take(call("read_file", SECRET, at_s=2))
    bench.take(*(call("list_dir", at_s=4 + 2 * number) for number in range(300)))
    alerts = bench.take(call("post_message", send("198.51.100.20:443", at_s=700), at_s=700))
    assert {hit.id for hit in alerts[-1].rules} >= {"chain.untrusted-read-then-sensitive-read-then-egress"}


def test_among_calls_that_matter_the_oldest_is_forgotten_and_the_newest_is_judged(bench: Bench) -> None:
    bench.take(*(call("read_file", SECRET, at_s=number) for number in range(256)))
    bench.take(call("list_dir", at_s=300))
    (held,) = bench.stage._turns.values()
    assert [one.tool for one in held.turn().calls] == ["read_file"] * 255 + ["list_dir"]
    assert held.turn().calls[0].started_ns == START_NS + S


def test_a_turn_holds_a_chunk_once_however_many_of_its_records_it_took(bench: Bench) -> None:
    bench.take(*(call("list_dir", at_s=number / 10) for number in range(300)))
    (held,) = bench.stage._turns.values()
    assert held.close() == (bench.pins[0],)
    bench.pins[0].release()
    assert not bench.pins[0].held


def test_answers_of_forgotten_calls_are_forgotten_but_none_that_is_needed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openturn, "_MOST", 8)
    monkeypatch.setattr(openturn, "_ANSWERS", 64)
    for number in range(200):
        bench.take(call(f"tool-{number}", read(f"/srv/{number}/x"), at_s=number))
        (held,) = bench.stage._turns.values()
        needed = set(turn_keys(held.turn().calls, "files"))
        answers = held.views["files"].supports.keys()
        assert answers >= needed
        assert len(answers) <= max(64, 3 * len(needed))


def test_what_a_process_does_after_the_reply_of_its_call_amends_the_finding_to_be(bench: Bench) -> None:
    quiet = call("read_config")
    bench.take(at(quiet, 1))
    effects = [replace(effect, binding="lineage") for effect in (SECRET, OUT)]
    late = call("read_config", *effects, revision=2)
    (alert,) = bench.take(at(late, 1))
    assert "chain.credential-read-then-egress" in {hit.id for hit in alert.rules}
    assert alert.binding == "lineage"


def test_a_theft_in_the_background_is_a_finding_and_not_learned(bench: Bench) -> None:
    (alert,) = bench.take(at(background(SECRET, OUT), 1))
    assert [hit.id for hit in alert.rules] == [
        "execution.background-credential-read-then-egress",
        "chain.uncorrelated-execution",
    ]
    bench.advance(60)
    assert bench.writes == []


def test_other_records_are_refused(bench: Bench) -> None:
    with pytest.raises(TypeError, match="DeadLetter"):
        bench.stage.add(DeadLetter(), Pin(), None)


@pytest.mark.parametrize(
    "build",
    [
        lambda: JudgeTimes(gap_ns=0),
        lambda: JudgeTimes(gap_ns=9, max_turn_ns=8),
        lambda: JudgeTimes(most_kept=999),
        lambda: Judging(alert_risk=0),
        lambda: Judging(alert_risk=101),
        lambda: Judging(ocsf_version="0.1"),
    ],
)
def test_impossible_settings_are_refused(build: Callable[[], object]) -> None:
    with pytest.raises(ConfigError):
        build()


@pytest.mark.parametrize("part_first", [True, False])
def test_a_part_left_by_a_restart_adds_its_effects_to_the_call(bench: Bench, part_first: bool) -> None:
    whole = call("read_config", OUT)
    stolen = call("read_config", SECRET)
    part = replace(stolen, call_id=whole.call_id, state="segment", coverage=Coverage(execution=True))
    effects = (replace(part.effects[0], source="another#0"),)
    cut = (replace(part, effects=effects), whole)
    alerts = [alert for record in (cut if part_first else cut[::-1]) for alert in bench.take(record)]
    assert {hit.id for hit in alerts[-1].rules} >= {"chain.credential-read-then-egress"}
    assert {alert.finding_uid for alert in alerts} == {alerts[0].finding_uid}


@pytest.mark.parametrize("poorer_first", [True, False])
def test_a_revision_that_a_restart_told_again_with_more_or_fewer_effects_takes_none_away(
    bench: Bench, poorer_first: bool
) -> None:
    known = call("read_config", SECRET, OUT)
    poorer = replace(known, effects=known.effects[1:])
    for record in (poorer, known) if poorer_first else (known, poorer):
        bench.take(record)
    (closed,) = bench.advance(3_600)
    assert "chain.credential-read-then-egress" in {hit.id for hit in closed.rules}


@pytest.mark.parametrize("ended_first", [True, False])
def test_no_repetition_takes_the_reply_from_a_call(bench: Bench, ended_first: bool) -> None:
    ended = call("read_config", SECRET, OUT)
    cut = replace(ended, revision=1, state="segment")
    for record in (ended, cut) if ended_first else (cut, ended):
        bench.take(record)
    assert [call.state for call in bench.stage._turns[key_of(ended)].turn().calls] == ["complete"]


def test_a_later_revision_keeps_the_effects_that_only_an_earlier_one_told(bench: Bench) -> None:
    known = call("read_config", SECRET, OUT)
    bench.take(known)
    bench.take(replace(known, revision=1, effects=known.effects[1:]))
    (closed,) = bench.advance(3_600)
    assert "chain.credential-read-then-egress" in {hit.id for hit in closed.rules}


def known_early(whole: Call, revision: int = -9) -> Call:
    coverage = replace(whole.coverage, notes=(RUNNING, EARLY))
    return replace(whole, revision=revision, state="segment", coverage=coverage)


def test_a_rule_judges_a_call_that_still_runs_and_the_score_waits_for_its_end(model: Model) -> None:
    bench, theft_ = Bench(model=model), call("read_config", SECRET, OUT)
    (alert,) = bench.take(known_early(theft_))
    assert ("chain.credential-read-then-egress" in {hit.id for hit in alert.rules}, alert.score) == (True, None)
    bench.take(theft_)
    (closed,) = bench.advance(3_600)
    assert (closed.finding_uid, closed.score is not None, EARLY in closed.coverage.notes) == (
        alert.finding_uid,
        True,
        False,
    )


def test_an_early_record_behind_its_call_changes_nothing() -> None:
    bench, whole = Bench(), call("read_config", SECRET)
    bench.take(whole)
    bench.take(known_early(replace(whole, effects=())))
    assert bench.stage.counts()["superseded"] == 1


def test_nothing_comes_after_a_call_that_still_runs() -> None:
    """A later call begins after the reply of the one before; without a reply nobody knows."""
    chain = [call("fetch_page", receive("198.51.100.9:443", 4096, at_s=0.1)), call("read_config", SECRET, at_s=5)]
    chain.append(call("send_report", OUT, at_s=9))
    finished, running = Bench(), Bench()
    told = finished.take(*chain)
    untold = running.take(*[known_early(one) for one in chain])
    sequence = "chain.untrusted-read-then-sensitive-read-then-egress"
    hits = [{hit.id for alert in alerts for hit in alert.rules} for alerts in (told, untold)]
    assert (sequence in hits[0], sequence in hits[1]) == (True, False)


def test_turns_hold_no_more_than_the_bound_and_what_is_due_first_goes_before_its_time() -> None:
    times = replace(TIMES, most_kept=1_000)
    stage = Turns(times, Judge(Judging(), Rulebook(())))
    pins = [Pin() for _ in range(400)]
    released: list[Pin] = []
    for number, pin in enumerate(pins):
        one = replace(call("list_dir", SECRET, OUT, at_s=number / 100), correlation_id=f"turn-{number}")
        released += stage.add(at(one, number / 100), pin, None).releases
        assert stage.levels()["kept"] <= 1_000
    assert stage.counts()["crowded"] > 0
    assert released == pins[: len(released)]
    assert released


def test_what_is_held_is_counted_down_to_nothing(bench: Bench) -> None:
    first = call("read_config", SECRET)
    bench.take(first, span("chat"), replace(first, revision=2, effects=(*first.effects, OUT)), call("list_dir", at_s=1))
    assert bench.stage.levels()["kept"] == 2 + 5
    bench.advance(40)
    bench.advance(200)
    assert bench.stage.levels() == {"open": 0, "closed": 0, "kept": 0}


def test_a_turn_that_never_ends_holds_nothing_of_what_it_forgot() -> None:
    turn = OpenTurn("endless")
    for number in range(600):
        one = call("list_dir", at_s=number, server=f"server-{number}")
        asked = turn.questions([one])
        assert turn.take(one)
        forgotten = turn.trim(one)
        turn.custom[one.call_id] = ()
        turn.learn_of(one, forgotten, {server: NORMAL.view(keys) for server, keys in asked.items()})
        hit = Hit(RULE, "high", 70.0, (), f"window-{number}")
        turn.windowed.hear(Windowed(hits=(WindowHit(hit, hit.key, Place("rule", "tool", "files"), 1),)))
        turn.windowed.complete("window", one, hit)
    assert len(turn.custom) == len(turn.windowed.hits) == len(turn.turn().calls) == 256
    assert len(turn.views) <= 257
    assert len(turn.windowed.raised_by) <= 256


def test_long_texts_count_for_more_than_their_number(bench: Bench) -> None:
    bench.take(call("read_config", replace(SECRET, arguments=("x" * 5_000,))))
    assert bench.stage.levels()["kept"] == 2 + 2 + 4


class Failing(Rulebook):
    """Rules with a bug that one call brings to light."""

    def evaluate(self, turn: Turn, views: object, growing: object = None) -> Evaluation:
        if any(call.tool == "explode" for call in turn.calls):
            raise RuntimeError("a bug")
        return Evaluation()


def test_what_rules_could_not_judge_is_never_learned_and_the_next_turn_is() -> None:
    bench = Bench(rules=Failing([]))
    with pytest.raises(RuntimeError):
        bench.take(call("explode", correlation_id="a"))
    bench.take(call("list_dir", correlation_id="b"))
    bench.advance(60)
    assert {write.turn for write in bench.writes} == {"b"}
    assert bench.stage.counts()["failed"] == 1
    assert not any(pin.held for pin in bench.pins)


def test_a_model_that_fails_leaves_the_turn_to_the_rules_and_teaches_nothing(model: Model) -> None:
    bench = Bench(model=replace(model, forms={"calls": None}))  # type: ignore[dict-item]
    assert bench.take(call("read_config", SECRET, OUT, correlation_id="a"))
    assert bench.take(call("list_dir", correlation_id="b")) == []
    bench.advance(60)
    assert (bench.writes, bench.stage.counts()["failed"]) == ([], 2)


def test_a_turn_that_cannot_be_ended_lets_go_of_its_chunks(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.take(call("list_dir", correlation_id="a"))
    monkeypatch.setattr("triptych.streams.turns.lessons", lambda turn: 1 / 0)
    bench.advance(60)
    assert (bench.stage.counts()["failed"], bench.pins[0].held) == (1, False)


def test_rules_that_are_replaced_watch_windows_at_once() -> None:
    judge = Judge(Judging(), Rulebook([]))
    stage = Turns(TIMES, judge)
    refused = call("query", is_error=True, error_code=-32602)
    before = stage.wanted((refused,)).additions
    judge.use(RULES, ())
    assert (before, bool(stage.wanted((replace(refused),)).additions)) == ((), True)
