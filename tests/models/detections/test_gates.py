"""What is not asked would not have held: of rules that ship, and of any condition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.detections.engine import Rulebook
from triptych.models.detections.engine.asking import Asked, Index, Subjects, own
from triptych.models.detections.engine.conditions import Judging, compile_condition, compile_rest
from triptych.models.detections.engine.gates import gate_of
from triptych.models.detections.engine.subjects import Subject, candidates
from triptych.models.detections.engine.table import Table
from triptych.models.detections.engine.traits import grouped, traits_of
from triptych.models.events import Call, ExecutionDetail, ExecutionKind, HttpFact
from triptych.models.testing import background, call, definition, effect
from triptych.models.testing import read as read_of

RULES = Rulebook.load().rules
INDEX = Index(RULES, tuple)  # of all examples, so that what is remembered of one is held against the next
LENIENT = Judging({}, lenient=True)

paths = st.sampled_from([None, "", "/srv/a", "/bin/sh", "/proc/1/root/a", "/tmp/a.zip", "/home/ann/.ssh/id_ed25519"])
details = st.sampled_from(
    [None, ExecutionDetail(operation="setns", via="handle"), ExecutionDetail(layer="memory", links=0)]
)
effects = st.builds(
    effect,
    st.sampled_from(get_args(ExecutionKind)),
    path=paths,
    flags=st.sampled_from([0, 1, 2, 0o10000000]),
    result=st.sampled_from([-13, 0, 7]),
    sensitivity=st.sampled_from(
        [None, "secret.ssh", "secret.k8s", "private.mail", "persistence.cron", "escape.socket"]
    ),
    address=st.sampled_from([None, "", "203.0.113.7", "169.254.169.254"]),
    port=st.sampled_from([None, 443]),
    destination=st.sampled_from([None, "inside", "outside", "metadata"]),
    bytes_out=st.sampled_from([0, 2**21]),
    bytes_in=st.sampled_from([0, 7]),
    declared=st.booleans(),
    detail=details,
)
told = st.fixed_dictionaries(
    {
        "tool": st.sampled_from(["read_config", "send_mail", None]),
        "method": st.sampled_from(["tools/call", "tools/list", "resources/read"]),
        "is_error": st.booleans(),
        "anomalies": st.sampled_from(
            [(), ("token-expired",), ("http-status-401", "sensor-blinded"), ("invalid-json",)]
        ),
        "policy": st.sampled_from([(), ("deny",)]),
        "text_tags": st.sampled_from([(), ("instruction-marker",)]),
        "error_code": st.sampled_from([None, -32601, 1]),
        "arguments_digest": st.sampled_from([None, "00ff"]),
        "http": st.sampled_from([None, HttpFact(status=401), HttpFact(status=200, session_digest="aa")]),
        "tools": st.sampled_from([(), (definition("read_config", read_only=True, open_world=True),)]),
        "response_size": st.sampled_from([0, 2**20]),
    }
)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    did = draw(st.lists(effects, max_size=6))
    if draw(st.integers(0, 4)) == 0:
        return background(*did)
    fields = draw(told)
    return call(fields.pop("tool"), *did, **fields)


@given(calls())
def test_no_step_would_hold_that_the_index_leaves_out(one: Call) -> None:
    asked = {(rule.id, number) for rule, number, _ in INDEX.of(one)}
    subjects = Subjects(own(one), one)
    for rule in RULES:
        for number, step in enumerate(rule.steps) if rule.speaks_of(one) else ():
            if step.on not in ("call", "effect", "definition"):
                continue
            held = [subject for subject in candidates(own(one), one, step.on) if step.where(subject, LENIENT)]
            assert not held or (rule.id, number) in asked
            assert bool(held) or step.rest is not None or (rule.id, number) not in asked
            assert [subject for subject in subjects.of(step) if step.where(subject, LENIENT)] == held
            if (rule.id, number) in asked:
                assert [one for one in subjects.of(step) if step.rest is None or step.rest(one, LENIENT)] == held


fields = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(["open", ["open", "exec"], {"one_of": ["connect"]}])}),
    st.fixed_dictionaries({"path": st.sampled_from(["/srv/a", {"exists": False}, {"starts": "/proc"}, {"ends": "h"}])}),
    st.fixed_dictionaries({"access": st.sampled_from(["read", ["write", "both"]])}),
    st.fixed_dictionaries({"deed": st.sampled_from([{"exists": True}, {"exists": False}, {"starts": "ran"}])}),
    st.fixed_dictionaries({"sensitivity": st.sampled_from([{"exists": False}, {"starts": "secret."}])}),
    st.fixed_dictionaries({"result": st.just({"at_least": 0}), "declared": st.booleans()}),
    st.fixed_dictionaries({"detail": st.sampled_from([{"links": 0}, {"via": "unknown"}])}),
    st.fixed_dictionaries({"call": st.sampled_from([{"is_error": True}, {"tool": {"exists": False}}])}),
    st.fixed_dictionaries({"never": st.just({"what": "egress", "in_sessions": 1})}),
)
conditions = st.recursive(
    fields,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"all": each}),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"any": each}),
        inner.filter(lambda one: "never" not in str(one)).map(lambda one: {"not": one, "port": {"exists": True}}),
    ),
    max_leaves=6,
)


@given(conditions, st.lists(effects, min_size=1, max_size=8))
def test_a_gate_admits_in_order_all_that_its_condition_can_hold_for(condition: dict[str, Any], did: list[Any]) -> None:
    table = Table(condition, Path("a.toml"), "where")
    holds = compile_condition(table, "effect")
    gate, one = gate_of(Table(condition, Path("a.toml"), "where"), "effect"), call("read_config", *did)
    admitted = gate.effects(own(one), one)
    held = [subject for subject in candidates(own(one), one, "effect") if holds(subject, LENIENT)]
    assert [subject for subject in admitted if holds(subject, LENIENT)] == held
    rest = compile_rest(Table(condition, Path("a.toml"), "where"), "effect")
    assert [subject for subject in admitted if rest is None or rest(subject, LENIENT)] == held


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ({"kind": "open"}, {"open"}),
        ({"kind": ["open", "exec"], "path": "/a"}, {"open", "exec"}),
        ({"any": [{"kind": "open"}, {"kind": "exec"}]}, {"open", "exec"}),
        ({"all": [{"kind": ["open", "exec"]}, {"kind": "exec"}]}, {"exec"}),
        ({"any": [{"kind": "open"}, {"path": "/b"}]}, {"open"}),
        ({"not": {"kind": "open"}}, set(get_args(ExecutionKind))),
    ],
)
def test_a_gate_keeps_out_what_shows_at_a_glance(condition: dict[str, Any], kinds: set[str]) -> None:
    gate = gate_of(Table(condition, Path("a.toml"), "where"), "effect")
    one = call("t", *(effect(kind, path="/a") for kind in get_args(ExecutionKind)))
    assert {subject.effect.kind for subject in gate.effects(own(one), one) if subject.effect} == kinds


def test_calls_that_look_alike_are_weighed_once() -> None:
    weighed: list[Sequence[Asked]] = []

    def counting(asked: Sequence[Asked]) -> Sequence[Asked]:
        weighed.append(asked)
        return asked

    index = Index(RULES, counting)
    made = [call("read_config", read_of(f"/srv/{number}", result=number), at_s=number) for number in range(20)]
    assert all(index.of(one) == index.of(made[0]) for one in made)
    assert len(weighed) == 1


def test_an_ordinary_call_is_asked_a_handful_of_steps() -> None:
    one = call("read_config", *(read_of(f"/usr/lib/python3/{number}.py") for number in range(10)))
    alone = Rulebook(RULES)
    steps = sum(len(rule.steps) for rule in alone.rules if rule.window is None)
    asked = [step for rule, _, step in INDEX.of(one) if rule.window is None]
    assert len(asked) * 4 < steps
    assert not any(Subjects(own(one), one).of(step) for step in asked if step.on == "effect")


def test_equal_traits_mean_one_group() -> None:
    one = call("t", read_of("/srv/a", result=3), read_of("/srv/b", result=4), effect("exec", path="/bin/sh"))
    assert [[place for place, _ in group] for group in grouped(one).values()] == [[0, 1], [2]]
    assert traits_of(one) == traits_of(call("u", at_s=5))


def test_the_subject_of_a_gate_is_the_effect_as_it_stands() -> None:
    one = call("t", read_of("/srv/a"))
    (found,) = gate_of(Table({"kind": "open"}, Path("a.toml"), "where"), "effect").effects(own(one), one)
    assert found == Subject(own(one), one, one.effects[0].wall_ns, one.effects[0].wall_ns, one.effects[0])
