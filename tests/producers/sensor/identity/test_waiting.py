"""Batches of a workload that waits for its name: nothing is lost, and no watermark runs ahead of what was told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.digest import Keyring
from triptych.models.events import CallRef, ExecutionBatch, Label
from triptych.models.identity import Workload
from triptych.producers.sensor.batches import Batches, Origin
from triptych.producers.sensor.decode import KernelEvent
from triptych.producers.sensor.identity.identity import Identity
from triptych.producers.sensor.source import KernelHalf
from triptych.producers.sensor.stream import MOST_HELD

ROOT = 100
POD = Workload(id="pod", pod_uid="pod", container_id="c")
NAMED = Identity(
    pod="search-x",
    namespace="tools",
    container="server",
    image="sha256:1",
    image_name="search:1",
    owner="Deployment/search",
    node="node-7",
    labels=(Label(name="app", value="search"),),
)


@pytest.fixture
def batches() -> Batches:
    """One leased root with one call in flight, held until 1000."""
    return _held()


def _held() -> Batches:
    made = Batches(Origin(instance="sensor:x", boot_id="b", host="h"), Keyring(b"sixteen bytes or more", "k1"))
    made.open(ROOT, POD)
    made.hold("pod", until_ns=1000)
    made.begin(ROOT, CallRef(call_id="a", correlation_id="1"))
    return made


def opened(number: int, mono_ns: int) -> KernelEvent:
    return KernelEvent(
        kind="open", mono_ns=mono_ns, pid=ROOT, start_ns=1, root=ROOT, epoch=2, born=0, path=b"/%d" % number
    )


def paths(told: list[ExecutionBatch]) -> list[str | None]:
    return [event.path for batch in told for event in batch.events]


def test_neither_events_nor_heartbeats_are_told_while_a_name_is_waited_for(batches: Batches) -> None:
    batches.observe(opened(1, 50))
    assert batches.flush(999, 0) == []
    assert batches.signs_of_life(999, 0, 1) == []


def test_a_name_ends_the_wait_and_stands_in_the_first_batch(batches: Batches) -> None:
    batches.observe(opened(1, 50))
    batches.name("pod", NAMED)
    [batch] = batches.flush(100, 0)
    told = Identity(
        pod=batch.pod,
        namespace=batch.namespace,
        container=batch.container,
        image=batch.image,
        image_name=batch.image_name,
        owner=batch.owner,
        node=batch.node,
        labels=batch.labels,
    )
    assert (paths([batch]), told) == (["/1"], NAMED)


def test_the_end_of_the_wait_tells_what_is_known_and_a_later_name_the_rest(batches: Batches) -> None:
    batches.observe(opened(1, 50))
    [unnamed] = batches.flush(1000, 0)
    batches.name("pod", NAMED)
    batches.observe(opened(2, 1001))
    [named] = batches.flush(1100, 0)
    assert (unnamed.pod, paths([unnamed]), named.pod, paths([named])) == (None, ["/1"], "search-x", ["/2"])


@pytest.mark.parametrize("how", ["stop", "blinded"])
def test_what_waits_is_told_before_the_sensor_ends_or_is_blinded(batches: Batches, how: str) -> None:
    batches.observe(opened(1, 50))
    told = batches.stop(POD, "gone", 100, 0) if how == "stop" else batches.blinded(("open",), 100, 0)
    assert ([batch.status for batch in told], paths(told)) == (["events", how], ["/1"])


def test_no_batch_of_two_containers_claims_to_be_of_one(batches: Batches) -> None:
    batches.name("pod", NAMED)
    batches.open(ROOT + 1, replace(POD, container_id="d"))
    batches.observe(opened(1, 50))
    [batch] = batches.flush(100, 0)
    assert (batch.workload, batch.pod, batch.owner) == ("pod", "search-x", "Deployment/search")
    assert (batch.container_id, batch.container, batch.image, batch.image_name) == (None, None, None, None)
    assert batches.workloads == (replace(POD, container_id=None),)


def test_another_server_of_the_same_container_changes_nothing(batches: Batches) -> None:
    batches.name("pod", NAMED)
    batches.open(ROOT + 1, POD)
    batches.observe(opened(1, 50))
    [batch] = batches.flush(100, 0)
    assert (batch.container_id, batch.container) == ("c", "server")


def test_too_many_events_to_keep_end_the_wait(batches: Batches) -> None:
    for number in range(MOST_HELD):
        batches.observe(opened(number, 50))
    told = batches.flush(100, 0)
    listed = sum(event.count for batch in told for event in batch.events)
    assert listed + sum(batch.rate_limited for batch in told) == MOST_HELD


STEPS = st.lists(st.sampled_from(["open", "flush", "beat", "name", "hold", "lose", "blinded"]), max_size=30)


@given(STEPS)
def test_whatever_happens_meanwhile_everything_is_told_once_and_in_time(steps: list[str]) -> None:
    batches = _held()
    now, seen, lost = 10, [], 0
    told = [batches.start(POD, KernelHalf(), now, 0)]
    for number, step in enumerate(steps):
        now += 100
        match step:
            case "open":
                batches.observe(opened(number, now))
                seen.append(f"/{number}")
            case "flush":
                told += batches.flush(now + 1, 0)
            case "beat":
                told += [*batches.flush(now + 1, 0), *batches.signs_of_life(now + 1, 0, 100)]
            case "name":
                batches.name("pod", replace(NAMED, pod=str(number)))
            case "hold":
                batches.hold("pod", now + 250)
            case "lose":
                batches.lost(ROOT, 1, now)
                lost += 1
            case "blinded":
                told += batches.blinded(("open",), now + 1, 0)
    told += batches.stop(POD, "end", now + 2, 0)
    assert paths(told) == seen
    assert sum(batch.lost_before for batch in told) == lost
    assert [batch.sequence for batch in told] == list(range(1, len(told) + 1))
    for before, after in pairwise(told):
        assert all(event.mono_ns >= before.mono_ns for event in after.events)
