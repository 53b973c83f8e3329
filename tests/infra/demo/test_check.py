from __future__ import annotations

from dataclasses import replace

import pytest

from triptych.infra.demo.agent import Played
from triptych.infra.demo.check import Attacked, Evidence, verify
from triptych.infra.demo.story import Attack, Session, Step, Turn
from triptych.infra.demo.truth import Deed, TruthCall
from triptych.models.events import Alert, Call, Coverage, Effect, Server

TRACE, SPAN = "a" * 32, "b" * 16
BAD = Turn("goal", (Step("read_config", {}),))
SESSION = Session(principal="ada", conversation="s", turns=(BAD,))
ATTACK = Attack(name="attack", session=SESSION, bad_turn=0, culprit="read_config", tools=("read_config",))
EFFECTS = (
    Effect(kind="open", path="/w/config/a.toml"),
    Effect(kind="connect", address="127.66.0.9", port=80),
    Effect(kind="flow", address="127.66.0.9", port=80, bytes_out=9),
)
CALL = Call(
    call_id="c",
    correlation_id=TRACE,
    parent_span_id=SPAN,
    tool="read_config",
    method="tools/call",
    effects=EFFECTS,
    server=Server(id="workbench"),
)
ALERT = Alert(
    coverage=Coverage(protocol=True, execution=True, agent=True),
    finding_uid="f",
    correlation_id=TRACE,
    call_ids=("c",),
    binding="exact",
    effects=EFFECTS,
    server=Server(id="workbench"),
)
DEEDS = (
    Deed("open", "/w/config/a.toml", TruthCall(TRACE, SPAN, "read_config"), 1),
    Deed("connect", "127.66.0.9:80", TruthCall(TRACE, SPAN, "read_config"), 2),
    Deed("open", "/elsewhere", TruthCall("c" * 32, SPAN, "read_config"), 3),
    Deed("open", "/start-up", None, 0),
)
GOOD = Evidence(
    benign=(Played(SESSION, 0, "d" * 32),),
    third_party=(Played(SESSION, 0, "e" * 32),),
    attacked=(Attacked(ATTACK, TRACE),),
    deeds=DEEDS,
    alerts=(ALERT,),
    calls={"c": CALL},
    ocsf=({"class_uid": 2004, "finding_info": {"uid": "f"}},),
    leaks=(),
    dead_letters=(),
)


def failed(evidence: Evidence) -> list[str]:
    return [check.name for check in verify(evidence) if not check.ok]


def test_a_finding_that_equals_the_ground_truth_passes_every_check() -> None:
    assert failed(GOOD) == []


@pytest.mark.parametrize(
    ("evidence", "name"),
    [
        (replace(GOOD, alerts=()), "attack: one finding"),
        (replace(GOOD, alerts=(ALERT, replace(ALERT, finding_uid="g"))), "attack: one finding"),
        (replace(GOOD, calls={"c": replace(CALL, tool="other")}), "attack: the right call"),
        (replace(GOOD, alerts=(replace(ALERT, binding="window"),)), "attack: binding exact"),
        (replace(GOOD, alerts=(replace(ALERT, coverage=Coverage()),)), "attack: three layers watched"),
        (replace(GOOD, alerts=(replace(ALERT, effects=EFFECTS[:1]),)), "attack: effects equal the truth"),
        (replace(GOOD, deeds=DEEDS[:1]), "attack: effects equal the truth"),
        (replace(GOOD, calls={"c": replace(CALL, effects=())}), "every call: effects equal the truth"),
        (replace(GOOD, alerts=(ALERT, replace(ALERT, correlation_id="d" * 32))), "harmless sessions raised nothing"),
        (
            replace(GOOD, alerts=(ALERT, replace(ALERT, correlation_id="e" * 32, server=Server(id="git")))),
            "third-party server raised nothing",
        ),
        (replace(GOOD, ocsf=()), "findings read by a bare consumer"),
        (replace(GOOD, leaks=("cloud_key in mcp.calls",)), "no canary in topics, logs, spools"),
        (replace(GOOD, dead_letters=("W03",)), "no dead letters"),
    ],
)
def test_each_way_to_be_wrong_fails_its_own_check(evidence: Evidence, name: str) -> None:
    assert name in failed(evidence)


def test_an_update_of_a_finding_is_not_a_second_finding() -> None:
    assert failed(replace(GOOD, alerts=(ALERT, replace(ALERT, sequence=2)))) == []


def test_a_failed_comparison_names_what_was_missed_and_what_is_alien() -> None:
    alien = (EFFECTS[0], Effect(kind="open", path="/etc/passwd"))
    (check,) = [
        check
        for check in verify(replace(GOOD, alerts=(replace(ALERT, effects=alien),)))
        if check.name == "attack: effects equal the truth"
    ]
    assert check.detail == "missed connect 127.66.0.9:80; not in the truth: open /etc/passwd"
