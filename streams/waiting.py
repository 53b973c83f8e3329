"""Effects whose call is not decided yet, kept together where they came together: one decision for many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..models.events import CallRef
from .effects import Bound

__all__ = ["Waiting", "together"]


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
