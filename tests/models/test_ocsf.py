from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import orjson
import pytest
from alert_strategies import alerts
from hypothesis import HealthCheck, given, settings

from triptych.models import baseline as keys
from triptych.models import finding, ocsf, testing
from triptych.models.detections.engine import Rulebook
from triptych.models.errors import ConfigError
from triptych.models.events import (
    Alert,
    Effect,
    ExecutionDetail,
    ExecutionKind,
    Reason,
    TimelineEntry,
)  # fmt: skip

Problems = Callable[[dict[str, Any], str], list[str]]

BOOK = Rulebook.load()
OUT = "203.0.113.7:443"
EVERY_VERSION = pytest.mark.parametrize("version", ocsf.VERSIONS)


def stolen() -> Alert:
    effects = (
        testing.exec_("/usr/bin/python3", "-c", "pass", at_s=0.05),
        testing.read("/home/ann/.aws/credentials", 0.2),
        testing.send(OUT, 1200, 0.4),
    )
    turn = testing.turn(testing.call("read_config", *effects), spans=[testing.span()])
    views = {"files": testing.baseline(supports={keys.tool_key("read_config"): 42})}
    return finding.assemble(turn, BOOK.evaluate(turn, views).hits, None, views, tenant="acme", labels=("test",))


def every_kind() -> list[Effect]:
    """An effect of each kind, with all that a detail can say."""
    detail = ExecutionDetail(
        operation="setns", via="io_uring", name="a.example", target_pid=1, device=3, links=0, layer="written",
        writable=True, sha256="0" * 64, truncated=True, mapped=9, other_path="/srv/b", received=True,
    )  # fmt: skip
    kinds: tuple[ExecutionKind, ...] = get_args(ExecutionKind)
    return [
        testing.effect(kind, n / 10, path="/srv/a", address="203.0.113.7", port=7, protocol="tcp", detail=detail)
        for n, kind in enumerate(kinds)
    ]


def rendered(alert: Alert, version: str = ocsf.DEFAULT) -> dict[str, Any]:
    return orjson.loads(ocsf.render(alert, tenant="acme", version=version))  # type: ignore[no-any-return]


@EVERY_VERSION
def test_a_finding_is_valid(version: str, ocsf_problems: Problems) -> None:
    assert ocsf_problems(rendered(stolen(), version), version) == []


@EVERY_VERSION
def test_effects_of_every_kind_give_valid_evidence(version: str, ocsf_problems: Problems) -> None:
    effects = (*every_kind(), testing.read("/home/ann/.aws/credentials", 2), testing.connect(OUT, 3))
    turn = testing.turn(testing.call("read_config", *effects))
    alert = finding.assemble(turn, BOOK.evaluate(turn, {}).hits, None, {}, tenant="acme")
    document = rendered(alert, version)
    assert ocsf_problems(document, version) == []
    told = {evidence["name"] for evidence in document["evidences"]}
    assert {f"execution:{one.kind}" for one in every_kind()} - told == {
        "execution:unknown", "execution:fork", "execution:exit",
    }  # fmt: skip


@EVERY_VERSION
@pytest.mark.parametrize("rule", BOOK.rules, ids=[rule.id for rule in BOOK.rules])
def test_every_story_of_every_rule_gives_a_valid_finding(rule: Any, version: str, ocsf_problems: Problems) -> None:
    for story in (test.story for test in rule.tests if test.expect == "hit"):
        turn, views = testing.story(story)
        alert = finding.assemble(turn, BOOK.evaluate(turn, views).hits, None, views, tenant="acme")
        assert ocsf_problems(rendered(alert, version), version) == []


@EVERY_VERSION
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(alert=alerts())
def test_any_alert_at_all_gives_one_valid_line(version: str, alert: Alert, ocsf_problems: Problems) -> None:
    line = ocsf.render(alert, tenant="acme", version=version)
    assert b"\n" not in line
    assert line.startswith(b'{"time":')
    assert ocsf_problems(orjson.loads(line), version) == []


Mutation = Callable[[dict[str, Any]], object]
MUTATIONS: dict[str, Mutation] = {
    "no finding_info": lambda event: event.pop("finding_info"),
    "unknown severity": lambda event: event.update(severity_id=7),
    "wrong caption": lambda event: event.update(severity="Calm"),
    "risk as a float": lambda event: event.update(risk_score=94.5),
    "ai_agent at the top": lambda event: event.update(ai_agent={"name": "bot"}),
    "profile attribute without its profile": lambda event: event.update(action_id=3),
    "an attribute of 1.9 in 1.8": lambda event: event["evidences"][0].update(ai_agent={"name": "bot"}),
    "a wrong address": lambda event: event["evidences"][-1]["dst_endpoint"].update(ip="somewhere"),
    "evidence of nothing": lambda event: event["evidences"].append({"name": "empty"}),
    "an API without operation": lambda event: event["evidences"][1]["api"].pop("operation"),
    "a port beyond the last": lambda event: event["evidences"][-1]["dst_endpoint"].update(port=70_000),
    "time as text": lambda event: event.update(time="now"),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_the_checker_refuses_what_is_not_ocsf(mutation: Mutation, ocsf_problems: Problems) -> None:
    event = copy.deepcopy(rendered(stolen(), "1.8.0"))
    mutation(event)
    assert len(ocsf_problems(event, "1.8.0")) == 1


def test_the_same_alert_gives_the_same_bytes() -> None:
    assert ocsf.render(stolen(), tenant="acme") == ocsf.render(stolen(), tenant="acme")


def test_each_revision_has_its_own_id_and_the_finding_keeps_its() -> None:
    first = stolen()
    events = [rendered(alert) for alert in (first, finding.close(first))]
    assert len({event["metadata"]["uid"] for event in events}) == 2
    assert len({event["finding_info"]["uid"] for event in events}) == 1
    assert [(event["type_uid"], event["is_alert"]) for event in events] == [(200401, True), (200403, False)]


def test_a_test_finding_cannot_be_taken_for_a_real_one() -> None:
    event = rendered(stolen())
    assert "test" in event["metadata"]["labels"]
    assert {evidence["verdict_id"] for evidence in event["evidences"]} == {6}
    real = rendered(replace(stolen(), labels=()))
    assert not [evidence for evidence in real["evidences"] if "verdict_id" in evidence]


def test_frameworks_are_cited_with_their_versions() -> None:
    info = rendered(stolen())["finding_info"]
    cited = {(attack["version"], attack.get("sub_technique", attack["technique"])["uid"]) for attack in info["attacks"]}
    assert ("ATLAS 2026.09", "AML.T0098") in cited
    assert ("ATT&CK 19.2", "T1552.001") in cited
    assert {tag["name"] for tag in info["tags"]} == {"owasp_asi", "owasp_asi_version", "owasp_mcp", "owasp_mcp_version"}


def test_an_analyst_can_search_for_address_file_and_workload() -> None:
    event = rendered(stolen())
    values = {observable["value"] for observable in event["observables"]}
    assert {"203.0.113.7", "/home/ann/.aws/credentials", stolen().workload} <= values
    for observable in event["observables"][:-1]:
        index, owner, field = observable["name"].removeprefix("evidences[").replace("].", ".").split(".")
        assert event["evidences"][int(index)][owner][field] == observable["value"]


def test_a_huge_finding_is_shortened_below_the_cap_and_says_so(ocsf_problems: Problems) -> None:
    long = "x" * 1000
    alert = replace(
        stolen(),
        effects=tuple(replace(testing.read("/home/ann/.aws/" + long, 0.1), source=f"s{index}") for index in range(100)),
        timeline=tuple(
            TimelineEntry(wall_ns=1, layer="execution", title="é" * 256, source=f"s{index}") for index in range(100)
        ),
        reasons=tuple(Reason(fact=f"{index} {long}") for index in range(24)),
    )
    line = ocsf.render(alert, tenant="acme")
    event = orjson.loads(line)
    assert len(line) < ocsf.CAP < event["metadata"]["untruncated_size"]
    assert event["metadata"]["is_truncated"] is True
    assert event["finding_info"]["related_events_count"] == 100
    assert ocsf_problems(event, "1.8.0") == []


def test_what_rules_point_at_is_cut_last() -> None:
    dull = [replace(testing.read("/srv/" + "x" * 1000, 0.1), source=f"s{index}") for index in range(99)]
    notable = replace(testing.read("/home/ann/.aws/credentials", 0.9), source="the one")
    entry = TimelineEntry(wall_ns=1, layer="execution", title="read", source="the one", notable=True)
    event = rendered(replace(stolen(), effects=(*dull, notable), timeline=(entry,), call_ids=()))
    assert event["metadata"]["is_truncated"] is True
    assert event["evidences"][-1]["uid"] == "the one"


def test_an_unknown_version_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"1\.8\.0"):
        ocsf.render(stolen(), tenant="acme", version="2.0.0")


def test_headers_route_without_parsing() -> None:
    headers = dict(ocsf.headers(stolen(), tenant="acme"))
    assert headers["rule-uid"] == b"chain.credential-read-then-egress"
    assert (headers["severity-id"], headers["risk-score"], headers["tenant"]) == (b"5", b"95", b"acme")
    assert headers["content-type"] == b"application/json"
