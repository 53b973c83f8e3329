"""Effects whose call is not decided yet, kept together where they came together: one decision for many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from ..models.events import CallRef
from .deadlines import Deadlines
from .effects import Bound
from .pins import Pin

__all__ = ["Undecided", "Waiting", "together"]


@dataclass(slots=True, eq=False)
class Waiting:
    """Effects near in time. `among` are the calls that their stamp names, none where they are unstamped."""

    among: tuple[CallRef, ...]
    from_ns: int
    to_ns: int
    bounds: list[Bound] = field(default_factory=list)

    def take(self, bound: Bound, within_ns: int) -> bool:
        """Whether it came within `within_ns` of all the others."""
        from_ns, to_ns = min(self.from_ns, bound.wall_ns), max(self.to_ns, bound.wall_ns)
        if to_ns - from_ns > within_ns:
            return False
        self.from_ns, self.to_ns = from_ns, to_ns
        self.bounds.append(bound)
        return True

    @property
    def weight(self) -> int:
        return sum(1 + len(bound.event.body.named) // 1024 for bound in self.bounds)


class Undecided:
    """Groups of effects of a workload, and the chunk they stand in, by when they are due. `effects`: how many; their
    `weight`: KiB of what they name, too."""

    def __init__(self) -> None:
        self._groups: dict[int, tuple[Waiting, str, Pin]] = {}
        self._due: Deadlines[int] = Deadlines()
        self._numbers = count()
        self.effects = self.weight = 0

    def put(self, waiting: Waiting, workload: str, pin: Pin, at_ns: int) -> None:
        number = next(self._numbers)
        self._groups[number] = waiting, workload, pin
        self._due.set(number, at_ns)
        self.effects += len(waiting.bounds)
        self.weight += waiting.weight

    def next(self) -> int | None:
        """When the first of them is due."""
        return self._due.next()

    def due(self, now_ns: int) -> Iterator[tuple[Waiting, str, Pin]]:
        """Take out what is due by then, earliest first."""
        for number in self._due.due(now_ns):
            group = self._groups.pop(number)
            self.effects -= len(group[0].bounds)
            self.weight -= group[0].weight
            yield group


def together(among: tuple[CallRef, ...], bounds: Iterable[Bound], within_ns: int) -> Iterator[Waiting]:
    """Effects whose stamps name the same calls, in groups that span at most `within_ns`."""
    group: Waiting | None = None
    for bound in bounds:
        if group is None or not group.take(bound, within_ns):
            if group is not None:
                yield group
            group = Waiting(among, bound.wall_ns, bound.wall_ns, [bound])
    if group is not None:
        yield group
