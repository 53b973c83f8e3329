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
    (f"/kubepods.slice/kubepods-pod{POD_}.slice/crio-conmon-{ID}.scope", POD, None),
]
HOSTS = ["/", "/user.slice/user-1000.slice/session-3.scope", "/system.slice/ssh.service", f"/git/{ID}00", "/podman"]


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
