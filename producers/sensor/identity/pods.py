"""The pods of one node as the Kubernetes API tells them, found by container id or pod uid. Pure: times are arguments.

One thread writes, others may read: every entry is replaced whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ....models.identity import Workload
from .described import at, digest, labels, text
from .identity import Identity

__all__ = ["Owner", "Pods"]

_REMEMBERED_S = 60.0  # late events of a deleted pod still find its names
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
# A static pod's cgroup carries the hash of its manifest; the API's copy of it has a uid of its own. Anybody may write
# an annotation: of another shape than a hash it could be the uid of somebody else's pod.
_MIRRORED = "kubernetes.io/config.mirror"
_MANIFEST = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Owner:
    """A controller in a namespace: Deployment, ReplicaSet, Job and so on. `group` is its API group, empty for core."""

    group: str
    kind: str
    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, thing: Any) -> Owner | None:
        """The controlling owner of an API object."""
        references = at(thing, "metadata", "ownerReferences")
        for reference in references if isinstance(references, list) else ():
            kind, name = at(reference, "kind"), at(reference, "name")
            if at(reference, "controller") is True and isinstance(kind, str) and isinstance(name, str):
                version = str(at(reference, "apiVersion") or "")
                namespace = str(at(thing, "metadata", "namespace") or "")
                return cls(version.rpartition("/")[0], kind, namespace, name, str(at(reference, "uid")))
        return None

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class _Pod:
    keys: tuple[str, ...]  # its uid, that of its manifest, its containers' ids
    owner: Owner | None
    identities: dict[str, Identity]  # by key

    def owned(self, final: Owner) -> _Pod:
        named = {key: replace(one, owner=text(str(final))) for key, one in self.identities.items()}
        return _Pod(self.keys, self.owner, named)


class Pods:
    """Knows the pods of a list and of the changes since."""

    def __init__(self) -> None:
        self._pods: dict[str, _Pod] = {}
        self._by_key: dict[str, _Pod] = {}
        self._gone: dict[str, float] = {}  # uids of deleted pods, when to forget them
        self._owners: dict[Owner, Owner] = {}

    def __len__(self) -> int:
        return len(self._pods)

    def of(self, workload: Workload) -> Identity | None:
        """What is known of `workload`: its container's names, else its pod's."""
        for key in (workload.container_id, workload.pod_uid):
            pod = self._by_key.get(key) if key else None
            if key and pod:
                return pod.identities[key]
        return None

    def replace(self, items: Iterable[Any], now_s: float) -> None:
        """Take a whole list; pods that are not in it were deleted."""
        before = set(self._pods)
        for item in items:
            if uid := self._put(item):
                before.discard(uid)
        for uid in before:
            self._gone.setdefault(uid, now_s + _REMEMBERED_S)
        self._forget(now_s)

    def apply(self, change: str, item: Any, now_s: float) -> None:
        """Take one event of a watch: ADDED, MODIFIED or DELETED."""
        uid = self._put(item)
        if uid and change == "DELETED":
            self._gone[uid] = now_s + _REMEMBERED_S
        self._forget(now_s)

    def unresolved(self) -> tuple[Owner, ...]:
        """Direct owners that may have an owner themselves and were not resolved yet."""
        wanted = dict.fromkeys(pod.owner for pod in self._pods.values() if pod.owner and pod.owner not in self._owners)
        return tuple(wanted)

    def resolve(self, direct: Owner, final: Owner) -> None:
        """`direct` belongs to `final`: so do its pods."""
        self._owners[direct] = final
        for uid, pod in list(self._pods.items()):
            if pod.owner == direct:
                self._keep(uid, pod.owned(final))

    def _put(self, item: Any) -> str | None:
        uid = at(item, "metadata", "uid")
        if not isinstance(uid, str) or not uid:
            return None
        pod = _read(item, uid)
        final = self._owners.get(pod.owner) if pod.owner else None
        self._gone.pop(uid, None)
        self._keep(uid, pod.owned(final) if final else pod)
        return uid

    def _keep(self, uid: str, pod: _Pod) -> None:
        before = self._pods.get(uid)
        self._pods[uid] = pod
        self._by_key.update(dict.fromkeys(pod.keys, pod))
        self._drop(before, kept=pod.keys)

    def _drop(self, pod: _Pod | None, kept: tuple[str, ...] = ()) -> None:
        for key in pod.keys if pod else ():
            if key not in kept and self._by_key.get(key) is pod:
                del self._by_key[key]

    def _forget(self, now_s: float) -> None:
        for uid in [uid for uid, until in self._gone.items() if until <= now_s]:
            del self._gone[uid]
            self._drop(self._pods.pop(uid, None))
        living = {pod.owner for pod in self._pods.values()}
        for owner in self._owners.keys() - living:
            del self._owners[owner]


def _read(item: Any, uid: str) -> _Pod:
    owner = Owner.of(item)
    pod = Identity(
        pod=text(at(item, "metadata", "name")),
        namespace=text(at(item, "metadata", "namespace")),
        owner=text(str(owner)) if owner else None,
        node=text(at(item, "spec", "nodeName")),
        labels=labels(at(item, "metadata", "labels")),
    )
    mirrored = at(item, "metadata", "annotations", _MIRRORED)
    is_static = owner is not None and owner.kind == "Node" and _MANIFEST.fullmatch(str(mirrored))
    identities = dict.fromkeys((uid, mirrored) if is_static else (uid,), pod)
    identities |= _containers(item, pod)
    return _Pod(tuple(identities), owner, identities)


def _containers(item: Any, pod: Identity) -> Iterator[tuple[str, Identity]]:
    """Ids of the pod's containers, those that were restarted lately too, with their names."""
    for group in _STATUSES:
        statuses = at(item, "status", group)
        for status in statuses if isinstance(statuses, list) else ():
            named = replace(
                pod,
                container=text(at(status, "name")),
                image=digest(at(status, "imageID")),
                image_name=text(at(status, "image")),
            )
            previous = replace(named, image=None)  # a restart may have pulled another image
            for held, identity in (
                (at(status, "lastState", "terminated", "containerID"), previous),
                (at(status, "containerID"), named),
            ):
                if isinstance(held, str) and held:
                    yield held.rpartition("://")[2], identity
