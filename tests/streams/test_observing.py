from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from triptych.models.detections.engine import Rulebook
from triptych.models.events import Score
from triptych.models.model import Model
from triptych.models.observation import principal_digest
from triptych.models.risk import Judgement
from triptych.models.rolling import Latest
from triptych.models.testing import START_NS
from triptych.models.testing_traffic import learned, sessions, theft
from triptych.models.training import train
from triptych.streams.drawing import Drawing, ranked
from triptych.streams.judgement import Judge, Judging
from triptych.streams.known import Known, Learn, Quarantine, Sampled, Wanted
from triptych.streams.memory import MemoryStore
from triptych.streams.observing import Observing, in_the_light_of
from triptych.streams.openturn import OpenTurn
from triptych.streams.pins import Pin
from triptych.streams.stage import Output, Step
from triptych.streams.turns import JudgeTimes, Turns

S = 1_000_000_000
TRAFFIC = sessions(48)
NORMAL = learned(TRAFFIC)
RULES = Rulebook.load()
SCORE = Judgement(Score(risk=75.0, p=0.001, calibration_size=100, state="active", model_id="m", feature_set="v"))
HELD_OUT = sessions(6, seed=500, first=100)


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TRAFFIC, seed=1)


def closed(turns: object, **known: object) -> tuple[list[Output], list[object], Turns]:
    """Outputs and writes of turns that came and closed."""
    stage = Turns(JudgeTimes(), Judge(Judging(tenant="acme"), RULES))
    steps: list[Step] = []
    for turn in turns:  # type: ignore[attr-defined]
        views = {server: NORMAL.view(keys) for server, keys in stage.wanted(turn.calls).keys.items()}
        steps += [stage.add(call, Pin(), Known(views, **known)) for call in turn.calls]  # type: ignore[arg-type]
    steps.append(stage.advance(START_NS + 10**7 * S))
    return [one for step in steps for one in step.outputs], [one for step in steps for one in step.writes], stage


def attack() -> object:
    return theft(next(one for one in HELD_OUT if any(call.tool == "read_config" for call in one.calls)))


def test_a_candidate_tells_nothing_and_its_judgement_is_kept(model: Model) -> None:
    without, _, _ = closed([attack()], model=model)
    outputs, writes, stage = closed([attack()], model=model, candidate=model)
    assert outputs == without
    names = {write.sample.partition(":")[0] for write in writes if isinstance(write, Sampled)}
    assert names == {"day", "shadow"}
    assert (stage.counts()["shadowed"], stage.counts()["shadow_disagreed"]) == (1, 0)


def test_a_candidate_is_tried_before_any_model_judges(model: Model) -> None:
    _, writes, stage = closed(HELD_OUT[:3], candidate=model)
    assert stage.counts()["shadowed"] == 3
    assert sum(isinstance(write, Learn) for write in writes) == 3


def test_a_candidate_that_fails_takes_no_finding_with_it(model: Model) -> None:
    broken = Model(model.manifest, dict.fromkeys(model.forms))  # type: ignore[arg-type]
    without, _, _ = closed([attack()], model=model)
    outputs, writes, _ = closed([attack()], model=model, candidate=broken)
    assert outputs == without
    assert not [write for write in writes if isinstance(write, Sampled)]


def test_a_turn_that_raised_is_set_aside_with_what_it_would_have_taught(model: Model) -> None:
    outputs, writes, _ = closed([attack()], model=model)
    (held,) = (write for write in writes if isinstance(write, Quarantine))
    assert set(held.findings) >= {output.value.finding_uid for output in outputs if output.topic == "mcp.alerts"}  # type: ignore[union-attr]
    assert not held.by_score
    assert any(isinstance(lesson, Learn) for lesson in held.lessons)
    assert held.unusual["files"]


def latest(most: float, *principals: bytes) -> Latest:
    drawn = np.random.default_rng(0).uniform(0, most, 300)
    return Latest((principals[at % len(principals)], float(p)) for at, p in enumerate(drawn))


def test_co_partitions_of_a_worker_draw_from_all_its_turns(model: Model) -> None:
    drawing, drawn = Drawing(1), []
    for turn in sorted(HELD_OUT[:2], key=lambda turn: ranked(turn.key)):
        observing, open_turn = Observing(75.0, drawing), OpenTurn(turn.key)
        observing.learn(Known(model=model))
        for call in turn.calls:
            open_turn.take(call)
        drawn.append(bool(observing.close(open_turn)))
    assert drawn == [True, False]


def test_among_many_rare_turns_of_others_one_more_is_less_rare() -> None:
    turn, busy = HELD_OUT[0], latest(0.01, b"others!!")
    raised = in_the_light_of(SCORE, turn, {"files": busy}).score
    assert raised.p > 0.01
    assert raised.risk < 50
    assert in_the_light_of(SCORE, turn, {"other": busy}) is SCORE
    assert in_the_light_of(SCORE, turn, {"files": latest(1, b"others!!")}).score.p < raised.p


def test_nobody_makes_their_own_turns_less_rare() -> None:
    turn = HELD_OUT[0]
    assert in_the_light_of(SCORE, turn, {"files": latest(0.01, principal_digest(turn))}) is SCORE


def test_whoever_has_no_turn_of_their_own_is_held_against_all() -> None:
    seen = latest(0.01, b"ann.....", b"ben.....")
    strangers = {seen.p(1e-4, who) for who in (b"cleo....", b"dan.....")}
    assert len(strangers) == 1
    assert strangers != {seen.p(1e-4, b"ann.....")}


def test_the_store_in_memory_releases_what_three_principals_did() -> None:
    store = MemoryStore()
    lesson = Learn(server="files", session="s", principal="ann", keys=("dest:y",), seen_ns=S)

    async def known_after(*principals: str) -> int:
        for who in principals:
            mine = replace(lesson, session=who, principal=who)
            held = Quarantine(
                turn=who, findings=("trp",), seen_ns=S, lessons=(mine,), alike="x", principal=who, by_score=True
            )
            await store.apply([held])
        return (await store.lookup(Wanted({"files": ("dest:y",)}))).views["files"].support("dest:y").principals

    assert asyncio.run(known_after("ann", "ben")) == 0
    assert asyncio.run(known_after("cleo")) == 3
