"""Workloads in cgroups of the shapes that Kubernetes makes, told by their names end to end."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeApi, Tcp, ignored, serve
from patience import eventually
from recorded_identity import MANIFEST, REPORT, SEARCH, SERVER, recorded

from triptych.models.events import ExecutionBatch, Label
from triptych.models.identity import Workload, workload
from triptych.producers.lease import Granted
from triptych.producers.sensor.identity.assembly import naming
from triptych.producers.sensor.identity.config import IdentityConfig, KubernetesConfig
from triptych.producers.sensor.replay import replay

from .conftest import KEYRING, Gateway, Running, Server, Start

pytestmark = pytest.mark.kernel

SYSTEMD = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod_}.slice/cri-containerd-{container}.scope"
CGROUPFS = "kubepods/burstable/pod{pod}/{container}"
CRIO = "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{pod_}.slice/crio-{container}.scope/container"
KIND = "docker/{outer}/kubelet.slice/kubelet-kubepods-pod{pod_}.slice/cri-containerd-{container}.scope"
DOCKER = "docker/{container}"
NEW = "2b" * 32
PODS = "/api/v1/pods"


def mounted(kind: str, option: str = "") -> Path | None:
    """Where a hierarchy of cgroups is mounted: `cgroup2`, or `cgroup` with a controller."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, filesystem, options, *_ = line.split()
        if filesystem == kind and (not option or option in options.split(",")):
            return Path(place)
    return None


class Cgroups:
    """Makes cgroups by hand, and removes them and what they stand in."""

    def __init__(self, require: Callable[[str, str], None]) -> None:
        self._require = require
        self._made: list[Path] = []

    def move(self, pid: int, shape: str, pod: str = SEARCH, container: str = SERVER, kind: str = "cgroup2") -> None:
        root = mounted(kind, "memory" if kind == "cgroup" else "")
        if root is None:
            self._require("kernel", f"no {kind} hierarchy is mounted")
        assert root
        folder = root
        names = {"pod": pod, "pod_": pod.replace("-", "_"), "container": container, "outer": "c0" * 32}
        for part in shape.format(**names).split("/"):
            folder /= part
            if not folder.exists():
                folder.mkdir()
                self._made.append(folder)
        (folder / "cgroup.procs").write_text(str(pid))

    def remove(self) -> bool:
        """Whether all are gone; what still holds a process is not."""
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        return not any(folder.exists() for folder in self._made)


@pytest.fixture
def cgroups(require: Callable[[str, str], None], server: Server) -> Iterator[Cgroups]:
    made = Cgroups(require)
    yield made
    server.close()
    eventually(made.remove)


@pytest.fixture
def api() -> FakeApi:
    made = FakeApi()
    made.answers = {
        PODS: recorded("pods"),
        "/apis/apps/v1/namespaces/tools/replicasets/search-6d5f7c9b8d": recorded("replicaset"),
    }
    return made


@pytest.fixture
def cluster(api: FakeApi) -> Iterator[KubernetesConfig]:
    for http in serve(api, Tcp, ("127.0.0.1", 0)):
        yield KubernetesConfig(url=f"http://127.0.0.1:{http.server_address[1]}", node="node-7")


@pytest.fixture
def named(start: Start, api: FakeApi, cluster: KubernetesConfig) -> Iterator[Running]:
    """A sensor that asks `api` for names, and knows its list."""
    running = start(naming=naming(IdentityConfig(kubernetes=cluster), ignored))
    eventually(api.watching.is_set)
    yield running
    start.stop()


def leased(running: Running, server: Server) -> tuple[Gateway, str]:
    gateway = Gateway(running.socket)
    answer = gateway.attach(server.process.pid)
    assert isinstance(answer, Granted)
    return gateway, answer.workload


def call(gateway: Gateway, server: Server, path: str) -> None:
    ref = gateway.begin()
    server.do(f"open({path!r}).close()")
    gateway.end(ref)


def told(running: Running, path: str) -> list[ExecutionBatch]:
    """The batches that tell of an open of `path`."""
    opened = ("open", path)
    return [batch for batch in running.told.batches if opened in [(event.kind, event.path) for event in batch.events]]


@pytest.mark.parametrize("shape", [SYSTEMD, CGROUPFS, CRIO, KIND])
def test_a_server_in_a_pod_is_told_by_the_names_of_the_pod(
    named: Running, server: Server, cgroups: Cgroups, shape: str
) -> None:
    cgroups.move(server.process.pid, shape)
    gateway, workload = leased(named, server)
    call(gateway, server, "/etc/hostname")
    eventually(lambda: told(named, "/etc/hostname") != [])
    gateway.close()
    [batch] = told(named, "/etc/hostname")
    assert (workload, batch.workload, batch.pod_uid, batch.container_id) == (SEARCH, SEARCH, SEARCH, SERVER)
    assert (batch.pod, batch.namespace, batch.container) == ("search-6d5f7c9b8d-x2k4v", "tools", "server")
    assert (batch.owner, batch.node) == ("Deployment/search", "node-7")
    assert (batch.image, batch.image_name) == ("sha256:" + "11" * 32, "registry.example/tools/search:1.4")
    assert batch.labels == (
        Label(name="app.kubernetes.io/name", value="search"),
        Label(name="pod-template-hash", value="6d5f7c9b8d"),
    )


def test_a_static_pod_has_the_names_of_its_mirror(named: Running, server: Server, cgroups: Cgroups) -> None:
    cgroups.move(server.process.pid, CGROUPFS, pod=MANIFEST, container="e7" * 32)
    gateway, workload = leased(named, server)
    gateway.close()
    eventually(lambda: named.told.batches != [])
    start = named.told.batches[0]
    assert (workload, start.status, start.pod, start.container) == (MANIFEST, "start", "etcd-node-7", "etcd")


def test_a_hierarchy_of_version_one_names_the_workload_too(running: Running, server: Server, cgroups: Cgroups) -> None:
    cgroups.move(server.process.pid, DOCKER, kind="cgroup")
    gateway, workload = leased(running, server)
    gateway.close()
    assert workload == SERVER


@pytest.mark.parametrize("reader", [["unshare", "--cgroup", "cat"], ["cat"]])
def test_a_sensor_in_a_cgroup_namespace_of_its_own_reads_the_same_workload(
    server: Server, cgroups: Cgroups, reader: list[str]
) -> None:
    cgroups.move(server.process.pid, SYSTEMD)
    text = subprocess.run([*reader, f"/proc/{server.process.pid}/cgroup"], capture_output=True, text=True, check=True)
    assert workload(text.stdout, "boot", 7, 9) == Workload(id=SEARCH, pod_uid=SEARCH, container_id=SERVER)


def _started() -> Any:
    pod = recorded("pods")["items"][2]
    pod["status"]["containerStatuses"][0]["containerID"] = f"containerd://{NEW}"
    return {"type": "MODIFIED", "object": pod}


def test_what_happens_before_the_pod_has_a_name_waits_for_it(
    named: Running, server: Server, cgroups: Cgroups, api: FakeApi
) -> None:
    cgroups.move(server.process.pid, SYSTEMD, pod=REPORT, container=NEW)
    gateway, _ = leased(named, server)
    call(gateway, server, "/etc/hostname")
    time.sleep(0.2)  # ten flushes
    assert told(named, "/etc/hostname") == []
    api.changes.put(_started())
    eventually(lambda: told(named, "/etc/hostname") != [])
    gateway.close()
    [batch] = told(named, "/etc/hostname")
    assert (batch.pod, batch.container) == ("report-29402-9xk2p", "report")
    assert len(batch.calls) == 1


def test_a_name_that_never_comes_costs_no_event_and_one_that_comes_late_is_told_from_then_on(
    start: Start, server: Server, cgroups: Cgroups, api: FakeApi, cluster: KubernetesConfig
) -> None:
    running = start(naming=naming(IdentityConfig(kubernetes=cluster, wait_s=0.3), ignored))
    eventually(api.watching.is_set)
    cgroups.move(server.process.pid, SYSTEMD, pod=REPORT, container=NEW)
    gateway, _ = leased(running, server)
    call(gateway, server, "/etc/hostname")
    eventually(lambda: told(running, "/etc/hostname") != [])
    api.changes.put(_started())
    eventually(lambda: any(batch.container == "report" for batch in running.told.batches))
    call(gateway, server, "/etc/hosts")
    eventually(lambda: told(running, "/etc/hosts") != [])
    gateway.close()
    start.stop()
    [early], [late] = told(running, "/etc/hostname"), told(running, "/etc/hosts")
    assert (early.pod, early.container) == ("report-29402-9xk2p", None)
    assert (late.pod, late.container) == ("report-29402-9xk2p", "report")
    sequences = [batch.sequence for batch in running.told.batches]
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_sensor_that_ends_tells_what_waited_for_a_name(
    start: Start, named: Running, server: Server, cgroups: Cgroups
) -> None:
    cgroups.move(server.process.pid, SYSTEMD, pod=REPORT, container=NEW)
    gateway, _ = leased(named, server)
    call(gateway, server, "/etc/hostname")
    gateway.begin()  # answered after the end before it was heard
    start.stop()
    gateway.close()
    assert len(told(named, "/etc/hostname")) == 1
    assert named.told.batches[-1].status == "stop"


def test_a_recording_replays_names_and_waits(
    start: Start, server: Server, cgroups: Cgroups, *, api: FakeApi, cluster: KubernetesConfig, tmp_path: Path
) -> None:
    path = tmp_path / "named.rec"
    running = start(naming=naming(IdentityConfig(kubernetes=cluster), ignored), recording=path)
    eventually(api.watching.is_set)
    cgroups.move(server.process.pid, SYSTEMD, pod=REPORT, container=NEW)
    gateway, _ = leased(running, server)
    call(gateway, server, "/etc/hostname")
    api.changes.put(_started())
    eventually(lambda: told(running, "/etc/hostname") != [])
    gateway.close()
    start.stop()
    live = [replace(b, sequence=0, event_id="") for b in running.told.batches if b.status != "heartbeat"]
    again = [replace(b, sequence=0, event_id="") for b in replay(path, KEYRING)]
    assert [(b.status, b.container, b.labels) for b in again] == [(b.status, b.container, b.labels) for b in live]
    assert again == live
