"""What gives names to workloads, and several of them as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Protocol

from ....models.identity import Workload
from .identity import Identity

__all__ = ["Names", "Several", "Tell", "Troubles", "is_full"]

Tell = Callable[[str, str], None]  # the reason, as it is counted, and what happened; from any thread

_NAMES = tuple(field.name for field in fields(Identity))


class Names(Protocol):
    """Answers at once with what it knows by now; it learns in a thread of its own."""

    @property
    def troubles(self) -> Counter[str]:
        """What went wrong so far, by reason."""
        ...

    def of(self, workload: Workload) -> Identity | None:
        """None as long as nothing is known of `workload`."""
        ...

    def close(self) -> None: ...


class Troubles:
    """Counts what went wrong by reason, and tells the first of each."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.counts: Counter[str] = Counter()

    def add(self, reason: str, what: str) -> None:
        self.counts[reason] += 1
        if self.counts[reason] == 1:
            self._tell(reason, what)


class Several:
    """The names that the first of `sources` gives, completed by those after it."""

    def __init__(self, sources: Sequence[Names]) -> None:
        self._sources = sources

    @property
    def troubles(self) -> Counter[str]:
        return sum((source.troubles for source in self._sources), Counter())

    def of(self, workload: Workload) -> Identity | None:
        known = [one for source in self._sources if (one := source.of(workload))]
        if not known:
            return None
        merged = known[0]
        for other in known[1:]:
            merged = replace(merged, **{n: getattr(other, n) for n in _NAMES if not getattr(merged, n)})
        return merged

    def close(self) -> None:
        for source in self._sources:
            source.close()


def is_full(workload: Workload, identity: Identity | None) -> bool:
    """Whether waiting would add nothing: pod and container are named, as far as the workload has them."""
    if identity is None:
        return workload.pod_uid is None and workload.container_id is None
    has_pod = workload.pod_uid is None or identity.pod is not None
    return has_pod and (workload.container_id is None or identity.container is not None)
