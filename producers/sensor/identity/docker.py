"""Names of containers from the socket of Docker, or of another engine with Docker's API (Podman, cri-dockerd).

Whoever may open that socket owns the machine: it is read only, with GET, and not used unless it is configured.
"""

from __future__ import annotations

import math
import queue
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from ....models.identity import Workload
from .api import ApiError, over_socket
from .described import at, digest, labels, text
from .identity import Identity
from .names import Tell, Troubles

__all__ = ["DockerNames", "identity_of"]

_CONTAINER = re.compile(r"[0-9a-f]{64}")
_PATIENCE_S = 5.0
_LONGEST_PAUSE_S = 30.0
_REMEMBERED = 4096


def identity_of(container: Any, image: Any, workload: Workload) -> Identity:
    """Identity from what the engine says of a container and of its image (`/containers/ID/json`, `/images/ID/json`).

    The kubelet's labels name a pod only where the workload's cgroup says that it is in that very pod.
    """
    given = at(container, "Config", "Labels")
    kubelet = given if isinstance(given, dict) else {}
    in_pod = workload.pod_uid is not None and kubelet.get("io.kubernetes.pod.uid") == workload.pod_uid
    name = at(container, "Name")
    own_name = name.lstrip("/") if isinstance(name, str) else None
    reference = at(container, "Config", "Image")
    return Identity(
        pod=text(kubelet.get("io.kubernetes.pod.name")) if in_pod else None,
        namespace=text(kubelet.get("io.kubernetes.pod.namespace")) if in_pod else None,
        container=text(kubelet.get("io.kubernetes.container.name") if in_pod else own_name),
        image=_image(image, reference) or digest(at(container, "Image")),
        image_name=text(reference),
        labels=labels(given),
    )


def _image(image: Any, reference: Any) -> str | None:
    """The digest in a registry: that of the repository `reference` names, else the first."""
    known = at(image, "RepoDigests")
    digests = [one for one in known if isinstance(one, str)] if isinstance(known, list) else []
    repository = re.sub(r"(?::[^:/]*)?(?:@.*)?$", "", str(reference))
    digests.sort(key=lambda one: one.partition("@")[0] != repository)
    return next((found for one in digests if (found := digest(one))), None)


@dataclass(slots=True)
class _Unknown:
    """A container that is being asked for, or is to be asked for again."""

    pause_s: float = 0.25
    due_s: float = math.inf

    def failed(self, now_s: float) -> None:
        self.pause_s = min(self.pause_s * 2, _LONGEST_PAUSE_S)  # the engine may list a container late, or be restarting
        self.due_s = now_s + self.pause_s


class DockerNames:
    """Asks the engine behind `socket` in a thread of its own, until it knows the container."""

    def __init__(self, socket: Path, tell: Tell, *, now_s: Callable[[], float] = monotonic) -> None:
        self._client = over_socket(socket)
        self._now_s = now_s
        self._known: dict[str, Identity | _Unknown] = {}
        self._wanted: queue.SimpleQueue[Workload | None] = queue.SimpleQueue()
        self._troubles = Troubles(tell)
        self._thread = threading.Thread(target=self._run, name="docker-names", daemon=True)
        self._thread.start()

    @property
    def troubles(self) -> Counter[str]:
        return self._troubles.counts

    def of(self, workload: Workload) -> Identity | None:
        container = workload.container_id
        if container is None or not _CONTAINER.fullmatch(container):
            return None
        known = self._known.get(container)
        if isinstance(known, Identity):
            return known
        if known is None:
            self._remember(container)
            self._wanted.put(workload)
        elif self._now_s() >= known.due_s:
            known.due_s = math.inf
            self._wanted.put(workload)
        return None

    def close(self) -> None:
        self._wanted.put(None)
        self._client.close()
        self._thread.join(_PATIENCE_S)

    def _remember(self, container: str) -> None:
        while len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[container] = _Unknown()

    def _run(self) -> None:
        while (workload := self._wanted.get()) is not None:
            container = str(workload.container_id)
            try:
                self._known[container] = self._learn(container, workload)
            except ApiError as error:
                self._troubles.add(f"docker-{error.status or 'unreachable'}", error.what)
                unknown = self._known.get(container)
                if isinstance(unknown, _Unknown):
                    unknown.failed(self._now_s())

    def _learn(self, container: str, workload: Workload) -> Identity:
        found = self._client.get(f"/containers/{container}/json", _PATIENCE_S)
        return identity_of(found, self._image(at(found, "Image")), workload)

    def _image(self, image_id: Any) -> Any:
        if digest(image_id) is None:
            return None
        try:
            return self._client.get(f"/images/{image_id}/json", _PATIENCE_S)
        except ApiError as error:
            self._troubles.add("docker-image", error.what)
            return None
