"""Names from a Kubernetes API server that lists, watches, forgets, restarts and is slow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeApi, Tcp, ignored, serve
from patience import eventually
from recorded_identity import REPORT, SEARCH, SERVER, in_pod, recorded

from triptych.producers.sensor.identity.config import KubernetesConfig
from triptych.producers.sensor.identity.kubernetes import KubernetesNames

PODS = "/api/v1/pods"
REPLICASET = "/apis/apps/v1/namespaces/tools/replicasets/search-6d5f7c9b8d"
JOB = "/apis/batch/v1/namespaces/tools/jobs/report-29402"
SEARCHING = in_pod(SEARCH, SERVER)


@pytest.fixture
def names(api: FakeApi, url: str) -> Iterator[KubernetesNames]:
    api.answers = {PODS: recorded("pods"), REPLICASET: recorded("replicaset"), JOB: recorded("job")}
    following = KubernetesNames(KubernetesConfig(url=url, node="node-7"), ignored, jitter=lambda: 0.0)
    yield following
    following.close()


def owner(names: KubernetesNames, workload: Any = SEARCHING) -> str | None:
    found = names.of(workload)
    return found.owner if found else None


def change(kind: str, item: Any, version: str) -> dict[str, Any]:
    item["metadata"]["resourceVersion"] = version
    return {"type": kind, "object": item}


def test_a_pod_of_the_list_is_named_with_the_deployment_that_owns_it(names: KubernetesNames) -> None:
    eventually(lambda: owner(names) == "Deployment/search")
    eventually(lambda: owner(names, in_pod(REPORT)) == "CronJob/report")
    found = names.of(SEARCHING)
    assert found is not None
    assert (found.pod, found.container, found.node) == ("search-6d5f7c9b8d-x2k4v", "server", "node-7")


def test_only_pods_of_this_node_are_asked_for_and_watched_from_where_the_list_ended(
    names: KubernetesNames, api: FakeApi
) -> None:
    eventually(api.watching.is_set)
    assert owner(names) == "Deployment/search"
    queries = [query for path, query, _ in api.asked if path == PODS]
    assert {query["fieldSelector"] for query in queries} == {"spec.nodeName=node-7"}
    assert api.watches()[0]["resourceVersion"] == "184467"


def test_a_change_is_known_without_another_list(names: KubernetesNames, api: FakeApi) -> None:
    eventually(api.watching.is_set)
    started = recorded("pods")["items"][2]
    started["status"]["containerStatuses"][0]["containerID"] = "containerd://" + "2b" * 32
    api.changes.put(change("MODIFIED", started, "184470"))
    eventually(lambda: bool((found := names.of(in_pod(REPORT, "2b" * 32))) and found.container == "report"))
    assert len([query for path, query, _ in api.asked if path == PODS and "watch" not in query]) == 1


def test_a_watch_that_ends_goes_on_where_it_was(names: KubernetesNames, api: FakeApi) -> None:
    eventually(api.watching.is_set)
    api.changes.put({"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"resourceVersion": "190000"}}})
    api.changes.put(None)
    eventually(lambda: len(api.watches()) == 2)
    assert [query["resourceVersion"] for query in api.watches()] == ["184467", "190000"]
    assert names.troubles == {}


def test_a_version_that_is_gone_costs_a_new_list(names: KubernetesNames, api: FakeApi) -> None:
    eventually(api.watching.is_set)
    later = recorded("pods")
    later["metadata"]["resourceVersion"] = "200000"
    api.answers[PODS] = later
    api.changes.put({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}})
    eventually(lambda: len(api.watches()) == 2)
    assert [query["resourceVersion"] for query in api.watches()] == ["184467", "200000"]
    lists = [query for path, query, _ in api.asked if path == PODS and "watch" not in query]
    assert [query.get("resourceVersion") for query in lists] == ["0", None]  # from a cache at first, never later
    assert names.troubles == {"kubernetes-410": 1}


def test_a_watch_that_is_refused_with_gone_costs_a_new_list_too(api: FakeApi, url: str) -> None:
    refusals = iter([410])
    sound = api.handle

    def handle(handler: Any) -> None:
        status = next(refusals, None) if "watch=1" in handler.path else None
        if status is None:
            sound(handler)
        else:
            handler.send_error(status)

    api.handle = handle  # type: ignore[method-assign]
    api.answers = {PODS: recorded("pods")}
    names = KubernetesNames(KubernetesConfig(url=url, node="n"), ignored)
    eventually(api.watching.is_set)
    names.close()
    assert api.paths().count(PODS) == 3  # list, list, watch; the refusal is not counted
    assert names.troubles["kubernetes-410"] == 1


def test_names_stay_while_the_server_restarts_and_grow_after_it(api: FakeApi) -> None:
    api.answers = {PODS: recorded("pods"), REPLICASET: recorded("replicaset"), JOB: recorded("job")}
    first = serve(api, Tcp, ("127.0.0.1", 0))
    address = next(first).server_address
    config = KubernetesConfig(url=f"http://127.0.0.1:{address[1]}", node="node-7")
    names = KubernetesNames(config, ignored, jitter=lambda: 0.0)
    eventually(api.watching.is_set)
    assert list(first) == []
    eventually(lambda: names.troubles["kubernetes-unreachable"] >= 1)
    assert owner(names) == "Deployment/search"
    after = FakeApi()
    for _ in serve(after, Tcp, address):
        eventually(after.watching.is_set)
        gone = recorded("pods")["items"][0]
        gone["metadata"]["labels"] = {"after": "restart"}
        after.changes.put(change("MODIFIED", gone, "184471"))
        eventually(lambda: bool((found := names.of(SEARCHING)) and found.labels[0].name == "after"))
        names.close()
    assert after.watches()[0]["resourceVersion"] == "184467"


def test_a_sensor_that_may_not_read_replica_sets_still_names_pods(api: FakeApi, url: str) -> None:
    api.answers = {PODS: recorded("pods"), REPLICASET: 403, JOB: 403}
    names = KubernetesNames(KubernetesConfig(url=url, node="node-7"), ignored)
    eventually(api.watching.is_set)
    names.close()
    assert owner(names) == "ReplicaSet/search-6d5f7c9b8d"
    assert names.troubles == {"kubernetes-owner-403": 2}


def test_a_pod_that_claims_another_s_replica_set_is_not_told_as_its_deployment_s(api: FakeApi, url: str) -> None:
    forged = recorded("pods")
    forged["items"][0]["metadata"]["ownerReferences"][0]["uid"] = "forged"
    api.answers = {PODS: forged, REPLICASET: recorded("replicaset"), JOB: recorded("job")}
    names = KubernetesNames(KubernetesConfig(url=url, node="n"), ignored)
    eventually(api.watching.is_set)
    names.close()
    assert owner(names) == "ReplicaSet/search-6d5f7c9b8d"
    assert owner(names, in_pod(REPORT)) == "CronJob/report"


def test_an_owner_that_could_not_be_asked_for_is_asked_for_again(names: KubernetesNames, api: FakeApi) -> None:
    eventually(api.watching.is_set)
    later = recorded("pods")["items"][0]
    later["metadata"]["uid"] = "later"
    later["metadata"]["ownerReferences"][0]["name"] = "other-1"
    replicas = REPLICASET.replace("search-6d5f7c9b8d", "other-1")
    api.answers[replicas] = 503
    api.changes.put(change("ADDED", later, "184490"))
    eventually(lambda: names.troubles["kubernetes-owner-503"] == 1)
    api.answers[replicas] = recorded("replicaset")
    api.changes.put({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "184491"}}})
    eventually(lambda: owner(names, in_pod("later")) == "Deployment/search")
    assert names.troubles["kubernetes-owner-503"] >= 1


def test_an_owner_of_a_strange_name_is_told_and_not_asked_for(names: KubernetesNames, api: FakeApi) -> None:
    eventually(api.watching.is_set)
    strange = recorded("pods")["items"][0]
    strange["metadata"]["uid"] = "strange"
    strange["metadata"]["ownerReferences"][0]["name"] = "\ud800/../x"
    api.changes.put(change("ADDED", strange, "184490"))
    eventually(lambda: owner(names, in_pod("strange")) == "ReplicaSet/\\ud800/../x")
    assert [path for path in api.paths() if "x" in path.rpartition("/")[2]] == []


def test_the_first_trouble_of_each_kind_is_told(api: FakeApi, url: str) -> None:
    said: list[tuple[str, str]] = []
    api.answers = {PODS: 403}
    names = KubernetesNames(KubernetesConfig(url=url, node="n"), lambda *words: said.append(words), jitter=lambda: 0.0)
    eventually(lambda: names.troubles.total() >= 3)
    names.close()
    assert said == [("kubernetes-403", "/api/v1/pods: 403")]


def test_a_slow_server_keeps_nobody_waiting(api: FakeApi, url: str) -> None:
    def slow() -> Any:
        eventually(lambda: asked == [True])
        return recorded("pods")

    asked: list[bool] = []
    api.answers = {PODS: slow}
    names = KubernetesNames(KubernetesConfig(url=url, node="node-7"), ignored)
    eventually(lambda: PODS in api.paths())
    assert names.of(SEARCHING) is None
    asked.append(True)
    eventually(lambda: names.of(SEARCHING) is not None)
    names.close()


@pytest.mark.parametrize("answer", [{}, {"items": {}, "metadata": {"resourceVersion": "1"}}, [], 500, 403])
def test_a_list_that_is_none_names_nobody_and_is_asked_for_again(api: FakeApi, url: str, answer: Any) -> None:
    api.answers = {PODS: answer}
    names = KubernetesNames(KubernetesConfig(url=url, node="n"), ignored, jitter=lambda: 0.0)
    eventually(lambda: names.troubles.total() >= 2)
    names.close()
    assert names.of(SEARCHING) is None
    assert api.watches() == []


@pytest.mark.parametrize(
    ("line", "watches"),
    [(b"no json\n", 2), (b'{"type": "ERROR"}\n', 2), (b"[]\n", 1), (b'{"type": "ADDED", "object": 7}\n', 1)],
)
def test_a_strange_change_does_not_end_the_following(
    names: KubernetesNames, api: FakeApi, line: bytes, watches: int
) -> None:
    eventually(api.watching.is_set)
    api.changes.put(line)
    eventually(lambda: api.changes.empty() and len(api.watches()) == watches)
    known = recorded("pods")["items"][0]
    known["metadata"]["labels"] = {"still": "following"}
    api.changes.put(change("MODIFIED", known, "184480"))
    eventually(lambda: bool((found := names.of(SEARCHING)) and found.labels[0].name == "still"))
    assert len(api.watches()) >= watches


def test_closing_does_not_wait_for_the_watch(api: FakeApi, url: str, tmp_path: Path) -> None:
    api.answers = {PODS: recorded("pods")}
    names = KubernetesNames(KubernetesConfig(url=url, node="n", token=tmp_path, ca=tmp_path), ignored)
    eventually(api.watching.is_set)
    names.close()
    assert not names._thread.is_alive()
    assert api.watches() != []
