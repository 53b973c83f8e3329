"""Which workloads wait for names, and which were given. Pure but for what `names` knows by now; times are arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ....models.identity import Workload
from .identity import Identity
from .names import Names, is_full

__all__ = ["Naming"]


class Naming:
    """Asks `names` about the workloads that are watched. Those without a name are waited for `wait_s`, once."""

    def __init__(self, names: Names, wait_s: float = 2.0) -> None:
        self._names = names
        self._wait_ns = int(wait_s * 1e9)
        self._until: dict[
            str, int
        ] = {}  # of every open workload, how long to wait; 0 where there is no more to wait for
        self._given: dict[str, Identity] = {}

    @property
    def troubles(self) -> Counter[str]:
        return self._names.troubles

    def open(self, workload: Workload, now_ns: int) -> int:
        """The monotonic time until which to wait for the names of a new workload; 0: not at all."""
        if workload.id not in self._until:
            is_known = not self._wait_ns or is_full(workload, self._names.of(workload))
            self._until[workload.id] = 0 if is_known else now_ns + self._wait_ns
        return self._until[workload.id]

    def is_waiting(self, now_ns: int) -> bool:
        return any(until > now_ns for until in self._until.values())

    def news(self, workloads: Iterable[Workload], now_ns: int) -> Iterator[tuple[Workload, Identity]]:
        """Names that came or changed, of the `workloads` that are open; half of them only when the wait is over."""
        living = {workload.id: workload for workload in workloads}
        for gone in self._until.keys() - living:
            del self._until[gone]
            self._given.pop(gone, None)
        for workload in living.values():
            found = self._names.of(workload)
            if found is None or found == self._given.get(workload.id):
                continue
            if is_full(workload, found) or now_ns >= self._until.get(workload.id, 0):
                self._until[workload.id] = 0
                self._given[workload.id] = found
                yield workload, found

    def close(self) -> None:
        self._names.close()
