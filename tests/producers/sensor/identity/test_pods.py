"""Pods of a node, by list and by change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_identity import (
    ETCD,
    INIT,
    MANIFEST,
    PROXY,
    REPORT,
    RESTARTED,
    SEARCH,
    SERVER,
    in_container,
    in_pod,
    recorded,
)

from triptych.models.events import Label
from triptych.models.identity import Workload
from triptych.producers.sensor.identity.identity import Identity
from triptych.producers.sensor.identity.pods import Owner, Pods

POD = Identity(
    pod="search-6d5f7c9b8d-x2k4v",
    namespace="tools",
    owner="ReplicaSet/search-6d5f7c9b8d",
    node="node-7",
    labels=(Label(name="app.kubernetes.io/name", value="search"), Label(name="pod-template-hash", value="6d5f7c9b8d")),
)
CONTAINER = replace(
    POD, container="server", image="sha256:" + "11" * 32, image_name="registry.example/tools/search:1.4"
)
REPLICAS = Owner("apps", "ReplicaSet", "tools", "search-6d5f7c9b8d", "7c0d7c3b-8f2f-4dd1-a2c9-2f2c4a1bb001")


@pytest.fixture
def pods() -> Pods:
    known = Pods()
    known.replace(recorded("pods")["items"], now_s=0)
    return known


def test_a_container_has_the_names_of_its_pod_and_of_itself(pods: Pods) -> None:
    assert pods.of(in_pod(SEARCH, SERVER)) == CONTAINER
    assert pods.of(in_container(SERVER)) == CONTAINER


@pytest.mark.parametrize(("container", "name"), [(PROXY, "proxy"), (INIT, "migrate"), (RESTARTED, "server")])
def test_sidecars_init_containers_and_what_was_restarted_are_told_apart(pods: Pods, container: str, name: str) -> None:
    found = pods.of(in_pod(SEARCH, container))
    assert found is not None
    assert (found.pod, found.container) == (POD.pod, name)


def test_nothing_says_which_image_ran_before_a_restart(pods: Pods) -> None:
    found = pods.of(in_pod(SEARCH, RESTARTED))
    assert found is not None
    assert found.image is None


def test_a_container_that_is_not_listed_yet_has_the_names_of_its_pod(pods: Pods) -> None:
    assert pods.of(in_pod(SEARCH, "99" * 32)) == POD


def test_a_static_pod_is_found_by_the_hash_its_cgroup_carries(pods: Pods) -> None:
    found = pods.of(in_pod(MANIFEST))
    assert found is not None
    assert (found.pod, found.owner) == ("etcd-node-7", "Node/node-7")
    assert pods.of(in_pod(MANIFEST, ETCD)) == replace(
        found, container="etcd", image="sha256:" + "44" * 32, image_name="registry.k8s.io/etcd:3.5.16-0"
    )


def test_an_annotation_does_not_make_a_pod_another_one(pods: Pods) -> None:
    assert pods.of(in_pod("dd" * 16)) is None
    forged = recorded("pods")["items"][1]
    forged["metadata"] |= {"uid": "forged", "name": "forged", "annotations": {"kubernetes.io/config.mirror": SEARCH}}
    pods.apply("ADDED", forged, now_s=1)
    assert pods.of(in_pod(SEARCH)) == POD


def test_who_owns_the_owner_is_told_as_soon_as_it_is_known_and_of_later_pods_at_once(pods: Pods) -> None:
    assert REPLICAS in pods.unresolved()
    pods.resolve(REPLICAS, Owner("apps", "Deployment", "tools", "search", "d"))
    assert REPLICAS not in pods.unresolved()
    assert pods.of(in_pod(SEARCH, SERVER)) == replace(CONTAINER, owner="Deployment/search")
    pods.apply("MODIFIED", recorded("pods")["items"][0], now_s=1)
    assert pods.of(in_pod(SEARCH, SERVER)) == replace(CONTAINER, owner="Deployment/search")


def test_a_change_replaces_what_was_known(pods: Pods) -> None:
    running = recorded("pods")["items"][2]
    running["status"]["containerStatuses"][0] |= {"containerID": "containerd://" + "2b" * 32, "imageID": "x"}
    running["metadata"]["labels"] = {}
    pods.apply("MODIFIED", running, now_s=1)
    found = pods.of(in_pod(REPORT, "2b" * 32))
    assert found is not None
    assert (found.container, found.labels) == ("report", ())


def test_a_deleted_pod_keeps_its_names_for_a_minute(pods: Pods) -> None:
    search = recorded("pods")["items"][0]
    pods.apply("DELETED", search, now_s=10)
    pods.apply("MODIFIED", recorded("pods")["items"][1], now_s=69)
    assert pods.of(in_pod(SEARCH, SERVER)) == CONTAINER
    pods.apply("MODIFIED", recorded("pods")["items"][1], now_s=70)
    assert pods.of(in_pod(SEARCH, SERVER)) is None
    assert REPLICAS not in pods.unresolved()


def test_what_a_new_list_does_not_hold_was_deleted(pods: Pods) -> None:
    items = recorded("pods")["items"]
    pods.replace(items[1:], now_s=100)
    assert pods.of(in_pod(SEARCH)) == POD
    pods.replace(items[1:], now_s=159)
    assert pods.of(in_pod(SEARCH)) == POD
    pods.replace(items[1:], now_s=160)
    assert (pods.of(in_pod(SEARCH)), len(pods)) == (None, 2)


@pytest.mark.parametrize("item", [None, 7, {}, {"metadata": {"uid": ""}}, {"metadata": {"uid": []}}])
def test_what_is_no_pod_changes_nothing(pods: Pods, item: object) -> None:
    pods.apply("ADDED", item, now_s=1)
    assert (len(pods), pods.of(in_pod(SEARCH))) == (3, POD)


STRANGE = st.none() | st.integers() | st.text(max_size=4) | st.lists(st.none() | st.text(max_size=4), max_size=2)


@given(st.fixed_dictionaries({}, optional={"ownerReferences": STRANGE, "labels": STRANGE, "annotations": STRANGE}))
def test_a_pod_of_strange_parts_is_still_a_pod(parts: dict[str, object]) -> None:
    pods = Pods()
    status = {"containerStatuses": parts.get("labels"), "initContainerStatuses": [parts]}
    pods.apply("ADDED", {"metadata": {"uid": "u", "name": "n", **parts}, "status": status}, now_s=0)
    found = pods.of(Workload(id="u", pod_uid="u"))
    assert found is not None
    assert found.pod == "n"
