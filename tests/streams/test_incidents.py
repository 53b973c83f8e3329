from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.errors import ConfigError
from triptych.models.events import Alert, Call, Principal, Server
from triptych.models.incidents.grouping import group
from triptych.models.incidents.member import Windows, of_alert
from triptych.streams.incidentmemory import IncidentMemory
from triptych.streams.incidents import Gathering, Incidents
from triptych.streams.pins import Pin

START_NS = 1_790_000_000_000_000_000
WINDOWS = Windows()


def alert(name: str, at_s: float = 0.0, **values: Any) -> Alert:
    began = START_NS + round(at_s * 1e9)
    told: dict[str, Any] = {
        "finding_uid": f"trp-{name}", "sequence": 1, "title": name, "severity": "high", "risk": 80.0,
        "started_ns": began, "ended_ns": began, "wall_ns": began, "server": Server(id="files"),
        "principal": Principal(kind="configured"),
    }  # fmt: skip
    return Alert(**{**told, **values})


def play(chunks: Iterable[list[Alert]]) -> list[dict[str, Any]]:
    """What is told of these chunks, each taken by another worker."""
    return asyncio.run(_play(chunks))


async def _play(chunks: Iterable[list[Alert]]) -> list[dict[str, Any]]:
    store, told = IncidentMemory(WINDOWS), []
    for chunk in chunks:
        stage = Incidents(Gathering(tenant="acme"))
        known = await store.lookup(stage.wanted(chunk))
        for record in chunk:
            step = stage.add(record, Pin(), known)
            told += [orjson.loads(output.value) for output in step.outputs]  # type: ignore[arg-type]
            await store.apply(step.writes)
    return told


def newest(told: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each incident what it is in the end, without those that became a part of another."""
    found: dict[str, dict[str, Any]] = {}
    for document in told:
        mcp = document["unmapped"]["mcp"]["incident"]
        if mcp["merged_into"]:
            found.pop(mcp["uid"], None)
        elif mcp["uid"] not in found or document["metadata"]["sequence"] >= found[mcp["uid"]]["metadata"]["sequence"]:
            found[mcp["uid"]] = document
    return found


def test_two_findings_of_one_trace_on_two_clusters_are_one_incident() -> None:
    told = play([
        [alert("a", correlation_id="t", cluster="east")], [alert("b", 5, correlation_id="t", cluster="west")],
    ])  # fmt: skip
    assert [one["unmapped"]["mcp"]["incident"]["revision"] for one in told] == [1, 2]
    assert told[0]["unmapped"]["mcp"]["incident"]["uid"] == told[1]["unmapped"]["mcp"]["incident"]["uid"]
    assert told[1]["unmapped"]["mcp"]["clusters"] == ["east", "west"]


def test_several_findings_of_one_chunk_are_told_once() -> None:
    assert len(play([[alert("a", workload="w"), alert("b", 1, workload="w"), alert("c", 2, workload="w")]])) == 1


def test_an_earlier_finding_that_comes_late_takes_the_incident_over_and_the_old_name_is_closed() -> None:
    told = play([[alert("b", 5, correlation_id="t")], [alert("a", 0, correlation_id="t")]])
    old, whole, closed = told
    assert closed["unmapped"]["mcp"]["incident"]["uid"] == old["unmapped"]["mcp"]["incident"]["uid"]
    assert closed["unmapped"]["mcp"]["incident"]["merged_into"] == whole["unmapped"]["mcp"]["incident"]["uid"]
    assert closed["activity_name"] == "Close"


def test_a_finding_that_ties_two_incidents_merges_them() -> None:
    told = play([
        [alert("a", 0, correlation_id="t1")],
        [alert("c", 9, correlation_id="t2")],
        [alert("b", 5, correlation_id="t1", conversation="x"), alert("c", 9, sequence=2, correlation_id="t2",
                                                                    conversation="x")],
    ])  # fmt: skip
    (whole,) = newest(told).values()
    assert [one["uid"] for one in whole["finding_info_list"]] == ["trp-a", "trp-b", "trp-c"]


def test_a_repeated_chunk_gives_the_same_revisions_again() -> None:
    chunk = [alert("a", correlation_id="t"), alert("b", 1, correlation_id="t")]
    once, again = play([chunk]), play([chunk, chunk])
    assert again[: len(once)] == once
    assert {one["metadata"]["uid"] for one in again} == {one["metadata"]["uid"] for one in once}


@pytest.mark.parametrize("order", [1, -1], ids=["told last", "told before the update"])
def test_a_last_word_under_the_number_of_an_update_closes_the_incident(order: int) -> None:
    """As when a worker is taken for dead, and another one tells of the turn from its beginning."""
    stage, store = Incidents(Gathering()), IncidentMemory(WINDOWS)
    first, update = alert("a"), alert("a", sequence=2, activity="update")
    told = []
    for record in (first, *[update, replace(update, activity="close")][::order]):
        known = asyncio.run(store.lookup(stage.wanted([record])))
        told += stage.add(record, Pin(), known).outputs
    last = orjson.loads(told[-1].value)  # type: ignore[arg-type]
    assert (last["status"], last["metadata"]["sequence"]) == ("Closed", 3)


@pytest.mark.parametrize("order", [1, -1], ids=["told last", "told first"])
def test_a_last_word_under_a_lower_number_than_an_update_closes_the_incident(order: int) -> None:
    """As when a worker takes a turn over and reads at once what the one before it read bit by bit."""
    updates = [alert("a"), alert("a", sequence=2, activity="update"), alert("a", sequence=3, activity="update")]
    told = play([[record] for record in [*updates, alert("a", sequence=2, activity="close")][::order]])
    last = newest(told)[told[0]["metadata"]["correlation_uid"]]
    assert (last["status"], last["metadata"]["sequence"]) == ("Closed", 4)


FEW = st.sampled_from(["", "x", "y"])
ALERTS = st.lists(
    st.builds(
        alert,
        st.sampled_from(list("abcdef")),
        st.integers(0, 7200),
        sequence=st.integers(1, 3),
        workload=FEW,
        correlation_id=FEW,
        conversation=FEW,
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: (one.finding_uid, one.sequence),
)


@given(ALERTS)
def test_the_memory_holds_together_what_belongs_together(found: list[Alert]) -> None:
    by_name = {one.finding_uid: one for one in reversed(found)}
    members = [of_alert(replace(by_name[one.finding_uid], sequence=one.sequence)) for one in found]
    gathered = asyncio.run(IncidentMemory(WINDOWS).lookup(members)).groups
    told = {frozenset(member.uid for member in one.members) for one in gathered.values()}
    assert told == {frozenset(member.uid for member in one) for one in group(members, WINDOWS)}


def facts(told: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {uid: (one["metadata"]["uid"], one["finding_info_list"], one["count"]) for uid, one in told.items()}


@given(ALERTS, st.data())
def test_no_order_and_no_repetition_changes_what_is_told_in_the_end(found: list[Alert], data: Any) -> None:
    # Revisions of one finding keep its begin and what it shares: they tell more of the same turn.
    by_name = {one.finding_uid: one for one in reversed(found)}
    found = [replace(by_name[one.finding_uid], sequence=one.sequence) for one in found]
    shuffled = data.draw(st.permutations([*found, *found[:3]]))
    assert facts(newest(play([one] for one in shuffled))) == facts(newest(play([found])))


def test_a_record_that_is_no_finding_is_refused() -> None:
    stage = Incidents(Gathering())
    assert stage.wanted([Call()]) == ()
    with pytest.raises(TypeError):
        stage.add(Call(), Pin(), None)


def test_an_unknown_ocsf_version_is_refused() -> None:
    with pytest.raises(ConfigError):
        Gathering(ocsf_version="0.9.0")
