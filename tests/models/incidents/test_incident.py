from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models import ocsf as findings
from triptych.models import testing
from triptych.models.detections.engine import Rulebook
from triptych.models.errors import ConfigError
from triptych.models.events import TimelineEntry
from triptych.models.finding import assemble as finding
from triptych.models.incidents import ocsf
from triptych.models.incidents.incident import assemble, merged
from triptych.models.incidents.member import Member, MemberError, from_json, of_alert, to_json

HOSTILE = "\x1b[31m\u202e=cmd()|<b>"


def rendered(incident: Any, version: str = "1.8.0") -> dict[str, Any]:
    return orjson.loads(ocsf.render(incident, tenant="acme", version=version))  # type: ignore[no-any-return]


def stolen() -> Member:
    effects = (testing.read("/home/ann/.aws/credentials", 0.2), testing.connect("203.0.113.7:443", 0.3))
    turn = testing.turn(testing.call("read_config", *effects), spans=[testing.span()])
    return of_alert(finding(turn, Rulebook.load().evaluate(turn, {}).hits, None, {}, tenant="acme", labels=("test",)))


def test_a_member_survives_its_journey_and_leaves_out_what_it_does_not_know() -> None:
    kept = stolen()
    assert from_json(to_json(kept)) == kept
    assert from_json(orjson.dumps({**orjson.loads(to_json(kept)), "new": 1})) == kept
    assert {link.kind for link in kept.links()} == {"trace", "conversation", "workload", "principal"}


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"uid":"a","sequence":1,"timeline":[{"no":1}]}'])
def test_what_is_no_member_is_refused_with_its_code(data: bytes) -> None:
    with pytest.raises(MemberError, match="M09"):
        from_json(data)


def test_the_name_is_that_of_the_first_finding_and_the_revision_the_sum_of_all(member: Any) -> None:
    early, late = member("a", 0, sequence=2), member("b", 60, sequence=3)
    alone, both = assemble([late], tenant="acme"), assemble([late, early], tenant="acme")
    assert both == assemble([early, late], tenant="acme")
    assert (both.uid, both.revision) == (assemble([early], tenant="acme").uid, 5)
    assert both.uid != alone.uid != assemble([late], tenant="other").uid


def test_it_is_as_bad_as_its_worst_finding_and_closes_with_the_last(member: Any) -> None:
    bad, mild = member("a", severity="critical", risk=95.0), member("b", 1, severity="low", risk=20.0, closed=True)
    incident = assemble([mild, bad], tenant="acme")
    assert (incident.severity, incident.risk, incident.title, incident.activity) == (
        "critical", 95.0, "finding a", "update",
    )  # fmt: skip
    assert assemble([mild, replace(bad, closed=True)], tenant="acme").activity == "close"
    assert assemble([bad], tenant="acme").activity == "create"


def test_one_timeline_tells_each_event_once_in_order_whoever_saw_it(member: Any) -> None:
    shared = TimelineEntry(wall_ns=7, layer="protocol", title="seen twice", source="s")
    one = member("a", 0, cluster="east")
    other = member("b", -5, cluster="west")
    lines = assemble(
        [replace(one, timeline=(*one.timeline, shared)), replace(other, timeline=(shared, *other.timeline))],
        tenant="acme",
    ).timeline
    assert [line.entry.title for line in lines] == ["seen twice", "b read a key", "a read a key"]
    assert [line.member.cluster for line in lines] == ["west", "west", "east"]


def test_a_long_timeline_keeps_what_matters_and_counts_the_rest(member: Any) -> None:
    dull = tuple(TimelineEntry(wall_ns=n, title=f"line {n}", source=str(n)) for n in range(300))
    notable = TimelineEntry(wall_ns=299, title="theft", source="theft", notable=True)
    incident = assemble([member("a", timeline=(*dull, notable))], tenant="acme")
    assert (len(incident.timeline), incident.left_out) == (200, 101)
    assert "theft" in [line.entry.title for line in incident.timeline]


@pytest.mark.parametrize("version", findings.VERSIONS)
def test_an_incident_of_a_real_finding_is_valid(version: str, member: Any, ocsf_problems: Any) -> None:
    incident = assemble([stolen(), member("b", 1, cluster="west", host="h2")], tenant="acme")
    document = rendered(incident, version)
    assert ocsf_problems(document, version) == []
    assert (document["class_uid"], document["count"], next(iter(document))) == (2005, 2, "time")
    assert document["is_suspected_breach"] is True
    assert [one["uid"] for one in document["finding_info_list"]] == [one.uid for one in incident.members]
    assert "test" in document["metadata"]["labels"]


def test_a_merged_incident_closes_and_says_of_what_it_is_a_part(member: Any, ocsf_problems: Any) -> None:
    whole = assemble([member("a"), member("b", 1)], tenant="acme")
    document = rendered(merged("inc-b", whole))
    assert ocsf_problems(document, "1.8.0") == []
    assert (document["activity_name"], document["status"]) == ("Close", "Closed")
    assert document["unmapped"]["mcp"]["incident"] == {
        "uid": "inc-b", "revision": whole.revision, "merged_into": whole.uid,
    }  # fmt: skip
    assert document["metadata"]["uid"] != rendered(whole)["metadata"]["uid"]


def test_an_unknown_version_is_refused(member: Any) -> None:
    with pytest.raises(ConfigError):
        ocsf.render(assemble([member("a")], tenant="acme"), tenant="acme", version="1.0.0")


def test_a_huge_incident_stays_below_the_cap_and_says_that_it_was_cut(member: Any, ocsf_problems: Any) -> None:
    many = [
        member(str(n), n, message="x" * 900, timeline=tuple(
            TimelineEntry(wall_ns=n * 10**9 + m, title="y" * 200, source=f"{n}/{m}", notable=True) for m in range(40)
        ))
        for n in range(150)
    ]  # fmt: skip
    line = ocsf.render(assemble(many, tenant="acme"), tenant="acme")
    document = orjson.loads(line)
    assert len(line) < findings.CAP
    assert document["metadata"]["is_truncated"] is True
    assert document["metadata"]["untruncated_size"] > findings.CAP
    assert ocsf_problems(document, "1.8.0") == []


@given(st.text(max_size=300))
def test_no_text_of_the_watched_side_arrives_active(member: Any, ocsf_problems: Any, text: str) -> None:
    hostile = text + HOSTILE
    told = dict.fromkeys(("title", "message", "server", "tool", "cluster", "host", "principal"), hostile)
    entry = TimelineEntry(wall_ns=1, title=hostile, source=hostile, layer="execution")
    line = ocsf.render(assemble([member("a", timeline=(entry,), **told)], tenant="acme"), tenant="acme")
    shown = line.decode()
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert ocsf_problems(orjson.loads(line), "1.8.0") == []
