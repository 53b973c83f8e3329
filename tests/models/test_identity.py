"""Who a process belongs to, over the shapes that container runtimes and kubelets give to /proc/PID/cgroup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.identity import Workload, workload

POD = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
POD_ = POD.replace("-", "_")
STATIC = "a1b2c3d4" * 4
ID = "5f" * 32
OUTER = "c0" * 32
TASK = "9e" * 16

SHAPES = [
    (f"/kubepods/burstable/pod{POD}/{ID}", POD, ID),
    (f"/kubepods/besteffort/pod{POD}/{ID}", POD, ID),
    (f"/kubepods/pod{POD}/{ID}", POD, ID),
    (f"/kubepods/burstable/pod{STATIC}/{ID}", STATIC, ID),
    (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD_}.slice/cri-containerd-{ID}.scope", POD, ID),
    (f"/kubepods.slice/kubepods-pod{POD_}.slice/cri-containerd-{ID}.scope", POD, ID),
    (
        f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{STATIC}.slice/cri-containerd-{ID}.scope",
        STATIC,
        ID,
    ),
    (f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{POD_}.slice/crio-{ID}.scope", POD, ID),
    (f"/kubepods.slice/kubepods-pod{POD_}.slice/crio-{ID}.scope/container", POD, ID),
    (f"/kubepods.slice/kubepods-pod{POD_}.slice/docker-{ID}.scope", POD, ID),
    (f"/system.slice/containerd.service/kubepods-burstable-pod{POD_}.slice:cri-containerd:{ID}", POD, ID),
    (
        f"/docker/{OUTER}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{POD_}.slice/cri-containerd-{ID}.scope",
        POD,
        ID,
    ),
    (f"/kubepods/pod{POD}/{ID}/nested/deeper", POD, ID),
    (f"/../../kubepods/pod{POD}/{ID}", POD, ID),
    (f"/docker/{ID}", None, ID),
    (f"/../{ID}", None, ID),
    (f"/system.slice/docker-{ID}.scope", None, ID),
    (f"/machine.slice/libpod-{ID}.scope", None, ID),
    (f"/docker/{OUTER}/docker/{ID}", None, ID),
    (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container", None, ID),
    (f"/ecs/tools/{TASK}-1234567890", None, f"{TASK}-1234567890"),
    (f"/ecs/{TASK}/{ID}", None, ID),
    (f"/docker/{OUTER}/kubelet/kubepods/besteffort/pod{POD}/{ID}", POD, ID),
    (f"/../../kubepods-burstable-pod{POD_}.slice/cri-containerd-{ID}.scope", POD, ID),
    (f"/kubepods.slice/kubepods-pod{POD_}.slice/crio-conmon-{ID}.scope", POD, None),
]
HOSTS = [
    f"/machine.slice/libpod-conmon-{ID}.scope",
    f"/ecs/{TASK}",
    f"/user.slice/run-{TASK}-7.scope",
    "/",
    "/user.slice/user-1000.slice/session-3.scope",
    "/system.slice/ssh.service",
    f"/git/{ID}00",
    "/podman",
]


@pytest.mark.parametrize(("path", "pod", "container"), SHAPES)
def test_the_innermost_pod_and_container_name_the_workload(path: str, pod: str | None, container: str | None) -> None:
    assert workload(f"0::{path}\n", "boot", 7, 9) == Workload(
        id=pod or container or "", pod_uid=pod, container_id=container
    )


@pytest.mark.parametrize("path", HOSTS)
def test_without_a_container_the_process_is_the_workload(path: str) -> None:
    assert workload(f"0::{path}\n", "boot", 7, 9) == Workload(id="host:boot:7:9")


def test_version_one_hierarchies_are_read_where_the_unified_one_says_nothing() -> None:
    assert workload(f"0::/\n5:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n", "boot", 7, 9).id == ID


def test_the_unified_hierarchy_wins() -> None:
    assert workload(f"5:memory:/docker/{OUTER}\n0::/docker/{ID}\n", "boot", 7, 9).id == ID


@given(st.text(max_size=200))
def test_any_text_yields_a_workload(text: str) -> None:
    assert workload(text, "boot", 7, 9).id


PLAIN = st.text(st.characters(exclude_characters="/\n"), max_size=20)  # what the kernel lets a cgroup be called


@given(st.sampled_from(SHAPES), st.lists(PLAIN, max_size=3), st.lists(PLAIN, max_size=3))
def test_nesting_changes_nothing(shape: tuple[str, str | None, str | None], above: list[str], below: list[str]) -> None:
    path, pod, container = shape
    nested = "".join(f"/{part}" for part in above) + path + "".join(f"/{part}" for part in below)
    found = workload(f"0::{nested}\n", "boot", 7, 9)
    assert (found.pod_uid, found.container_id) == (pod, container)


@given(st.sampled_from(SHAPES), st.sampled_from(SHAPES))
def test_the_innermost_of_two_shapes_wins(
    outer: tuple[str, str | None, str | None], inner: tuple[str, str | None, str | None]
) -> None:
    found = workload(f"0::{outer[0]}{inner[0]}\n", "boot", 7, 9)
    assert (found.pod_uid, found.container_id) == (inner[1] or outer[1], inner[2] or outer[2])


HIERARCHIES = ["0::{}\n", "5:memory:{}\n", "0::/\n5:memory:{}\n1:name=systemd:{}\n", "9:cpu,cpuacct:/\n5:memory:{}\n"]


@given(st.sampled_from(SHAPES), st.sampled_from(HIERARCHIES))
def test_version_one_two_and_hybrid_tell_the_same(shape: tuple[str, str | None, str | None], hierarchies: str) -> None:
    path, pod, container = shape
    found = workload(hierarchies.replace("{}", path), "boot", 7, 9)
    assert (found.pod_uid, found.container_id) == (pod, container)


@given(st.text(max_size=100), st.integers(1), st.integers(1))
def test_a_process_without_a_container_is_named_by_its_start_and_never_by_its_number_alone(
    boot: str, pid: int, start_ns: int
) -> None:
    assert workload("0::/\n", boot, pid, start_ns) != workload("0::/\n", boot, pid, start_ns + 1)
