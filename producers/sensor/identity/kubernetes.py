"""Names of the pods of this node from the Kubernetes API: one list, then a watch, in a thread of their own.

Reads only; never asks for the pods of another node. The Kubelet's pods API is gRPC and not spoken here.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode

from ....models.identity import Workload
from .api import ApiError, over_http
from .config import KubernetesConfig
from .described import at
from .identity import Identity
from .names import Tell, Troubles
from .pods import Owner, Pods

__all__ = ["KubernetesNames"]

_LIST_S = 30.0
_OWNER_S = 5.0
_WATCH_S = 120
_SILENCE_S = _WATCH_S + 30.0  # the server ends a watch by itself; a dead connection says nothing
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 30.0
_GONE = 410
_FORGOTTEN = frozenset({400, 404, _GONE, 504})  # answers to a version that the server no longer knows, or never knew
_HOPELESS = frozenset({403, 404})
_MIDDLE = {  # owners that have owners themselves: where to read them
    ("apps", "ReplicaSet"): "/apis/apps/v1/namespaces/{}/replicasets/{}",
    ("batch", "Job"): "/apis/batch/v1/namespaces/{}/jobs/{}",
}


class KubernetesNames:
    """Follows the pods of `config.node` until close()."""

    def __init__(self, config: KubernetesConfig, tell: Tell, *, jitter: Callable[[], float] = random.random) -> None:
        """`jitter` gives 0 to 1: sensors of many nodes must not come back all at once."""
        self._client = over_http(config.url, config.token, config.ca)
        self._selector = f"spec.nodeName={config.node}"
        self._jitter = jitter
        self._pods = Pods()
        self._version: str | None = None  # up to which changes are known; None: list anew
        self._has_listed = False
        self._failures = 0  # in a row
        self._is_closed = threading.Event()
        self._troubles = Troubles(tell)
        self._thread = threading.Thread(target=self._run, name="kubernetes-names", daemon=True)
        self._thread.start()

    @property
    def troubles(self) -> Counter[str]:
        return self._troubles.counts

    def of(self, workload: Workload) -> Identity | None:
        return self._pods.of(workload)

    def close(self) -> None:
        self._is_closed.set()
        self._client.close()
        self._thread.join(_OWNER_S)

    def _run(self) -> None:
        while not self._is_closed.is_set():
            try:
                self._follow()
            except ApiError as error:
                if not self._is_closed.is_set():
                    self._fail(error)

    def _follow(self) -> None:
        if self._version is None:
            self._list()
        self._resolve()
        self._watch()
        self._is_closed.wait(_SHORTEST_PAUSE_S)  # a server that ends watches at once must not be asked in a loop

    def _fail(self, error: ApiError) -> None:
        self._troubles.add(f"kubernetes-{error.status or 'unreachable'}", error.what)
        if error.status in _FORGOTTEN:
            self._version = None
        pause = min(_SHORTEST_PAUSE_S * 2**self._failures, _LONGEST_PAUSE_S)
        self._failures = min(self._failures + 1, 16)
        self._is_closed.wait(pause * (0.5 + self._jitter() / 2))

    def _list(self) -> None:
        # The first list may come from the server's cache: all nodes of a cluster start together. A later one must not
        # be older than what is known.
        cached = {} if self._has_listed else {"resourceVersion": "0"}
        answer = self._client.get(self._path(**cached), _LIST_S)
        items, version = at(answer, "items"), at(answer, "metadata", "resourceVersion")
        if not isinstance(items, list) or not isinstance(version, str):
            raise ApiError("the list of pods has no items or no version")
        self._pods.replace(items, monotonic())
        self._version, self._has_listed = version, True

    def _watch(self) -> None:
        path = self._path(watch="1", allowWatchBookmarks="true", resourceVersion=self._version, timeoutSeconds=_WATCH_S)
        for change in self._client.lines(path, _SILENCE_S):
            kind, thing = at(change, "type"), at(change, "object")
            if kind == "ERROR":
                status = at(thing, "code")
                raise ApiError("the watch ended with an error", status if isinstance(status, int) else _GONE)
            if kind in ("ADDED", "MODIFIED", "DELETED"):
                self._pods.apply(kind, thing, monotonic())
            version = at(thing, "metadata", "resourceVersion")
            self._version = version if isinstance(version, str) else self._version
            self._failures = 0
            self._resolve()

    def _path(self, **query: Any) -> str:
        return "/api/v1/pods?" + urlencode({"fieldSelector": self._selector, **query})

    def _resolve(self) -> None:
        """Learn who owns the owners of pods: the Deployment of a ReplicaSet. Pods have their names meanwhile."""
        for direct in self._pods.unresolved():
            try:
                self._pods.resolve(direct, self._above(direct))
            except ApiError as error:
                self._troubles.add(f"kubernetes-owner-{error.status or 'unreachable'}", error.what)
                if error.status not in _HOPELESS:
                    return  # tried again with the next change
                self._pods.resolve(direct, direct)

    def _above(self, owner: Owner) -> Owner:
        where = _MIDDLE.get((owner.group, owner.kind))
        if where is None or not (owner.namespace + owner.name).isascii():
            return owner
        found = self._client.get(where.format(quote(owner.namespace, safe=""), quote(owner.name, safe="")), _OWNER_S)
        is_same = at(found, "metadata", "uid") == owner.uid  # whoever makes a pod may name any owner
        return (is_same and Owner.of(found)) or owner
