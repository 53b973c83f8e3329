"""Names from a Docker engine's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeApi, ignored
from hypothesis import given
from hypothesis import strategies as st
from patience import eventually
from recorded_identity import SEARCH, SERVER, in_container, in_pod, recorded

from triptych.models.events import Label
from triptych.producers.sensor.identity.docker import DockerNames, identity_of
from triptych.producers.sensor.identity.identity import Identity

CONTAINER, IMAGE = f"/containers/{SERVER}/json", "/images/sha256:" + "55" * 32 + "/json"
NAMED = Identity(
    container="search-1",
    image="sha256:" + "66" * 32,
    image_name="registry.example:5000/tools/search:1.4",
    labels=(
        Label(name="com.docker.compose.project", value="desk"),
        Label(name="com.docker.compose.service", value="search"),
        Label(name="traefik.http.middlewares.gate.basicauth.users", value="[26 chars]"),
    ),
)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_container_is_named_by_its_engine_with_the_digest_its_own_repository_gives() -> None:
    assert identity_of(recorded("container"), recorded("image"), in_container(SERVER)) == NAMED


def test_an_image_of_no_registry_is_told_by_its_id() -> None:
    found = identity_of(recorded("container"), {"RepoDigests": []}, in_container(SERVER))
    assert found.image == "sha256:" + "55" * 32


def _labelled() -> Any:
    container = recorded("container")
    container["Config"]["Labels"] = {
        "io.kubernetes.pod.uid": SEARCH,
        "io.kubernetes.pod.name": "search-x",
        "io.kubernetes.pod.namespace": "tools",
        "io.kubernetes.container.name": "server",
    }
    return container


def test_the_kubelet_s_labels_name_the_pod_of_a_container_in_it() -> None:
    found = identity_of(_labelled(), None, in_pod(SEARCH, SERVER))
    assert (found.pod, found.namespace, found.container) == ("search-x", "tools", "server")


def test_labels_alone_put_no_container_into_a_pod() -> None:
    found = identity_of(_labelled(), None, in_container(SERVER))
    assert (found.pod, found.namespace, found.container) == (None, None, "search-1")


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["Config", "Labels", "Name", "Image", "RepoDigests"]), inner)
    ),
)


@given(JSON, JSON)
def test_any_answer_gives_some_identity(container: object, image: object) -> None:
    found = identity_of(container, image, in_container(SERVER))
    assert found.pod is None


def test_an_engine_is_asked_once_and_never_for_the_environment(unix_socket: Path, api: FakeApi) -> None:
    api.answers = {CONTAINER: recorded("container"), IMAGE: recorded("image")}
    names = DockerNames(unix_socket, ignored)
    assert names.of(in_container(SERVER)) is None
    eventually(lambda: names.of(in_container(SERVER)) is not None)
    assert names.of(in_container(SERVER)) == NAMED
    assert "canary" not in repr(names.of(in_container(SERVER)))
    names.close()
    assert api.paths() == [CONTAINER, IMAGE]


def test_a_container_that_the_engine_does_not_know_yet_is_asked_for_again(unix_socket: Path, api: FakeApi) -> None:
    clock = Clock()
    names = DockerNames(unix_socket, ignored, now_s=clock)
    assert names.of(in_container(SERVER)) is None
    eventually(lambda: names.troubles["docker-404"] == 1)
    assert names.of(in_container(SERVER)) is None
    api.answers = {CONTAINER: recorded("container"), IMAGE: recorded("image")}
    clock.now_s = 0.5
    eventually(lambda: names.of(in_container(SERVER)) == NAMED)
    names.close()
    assert api.paths().count(CONTAINER) == 2


def test_without_an_engine_there_is_no_name_and_no_error(tmp_path: Path) -> None:
    names = DockerNames(tmp_path / "nobody.sock", ignored)
    assert names.of(in_container(SERVER)) is None
    eventually(lambda: names.troubles["docker-unreachable"] == 1)
    assert names.of(in_container(SERVER)) is None
    names.close()


@pytest.mark.parametrize("container", [None, "../../secrets", SERVER + "/../x", "5F" * 32])
def test_nothing_but_a_container_id_is_ever_asked_for(unix_socket: Path, api: FakeApi, container: str | None) -> None:
    names = DockerNames(unix_socket, ignored)
    assert names.of(in_pod(SEARCH, container)) is None
    names.close()
    assert api.asked == []
