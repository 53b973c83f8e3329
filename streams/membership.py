"""Is this worker a member of its group: two that run under one static name throw each other out without end.

A member is given an id when it joins. An id that lasted for less than a session did not expire: somebody else joined
under the name. What the group refused for good, the client keeps until somebody asks, and Faust does not ask while it
waits for partitions. Pure: time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..models.errors import TriptychError

__all__ = ["GroupError", "Membership", "NameTakenError"]

_ENOUGH = 3  # one may be lost with a broker that goes just then


class NameTakenError(TriptychError):
    """Another worker runs under the static name of this one."""

    code = "J09"


class GroupError(TriptychError):
    """The group does not take this worker."""

    code = "J02"


@dataclass(slots=True)
class Membership:
    """The ids that the group gave this member. `name` is its static name; None: it has none, and any id will do."""

    name: str | None
    session_s: float
    _member: str = ""
    _since_s: float = 0.0
    _taken: int = 0

    def observe(self, member: str, refusal: BaseException | None, now_s: float) -> None:
        """Note the id, empty while there is none, and what the group refused. Raises GroupError, and NameTakenError
        where ids go too soon, one by one."""
        if refusal is not None:
            shared = f"does another worker run under worker.instance {self.name!r}? " if self.name else ""
            raise GroupError(
                f"the group does not take this worker: {refusal}", f"{shared}check the group's permissions"
            )
        if self.name is None or not member or member == self._member:
            return
        too_soon = now_s - self._since_s < self.session_s
        self._taken = self._taken + 1 if self._member and too_soon else 0
        self._member, self._since_s = member, now_s
        if self._taken >= _ENOUGH:
            raise NameTakenError(
                f"another worker of this group runs under the name {self.name!r}, and each throws the other out",
                "give every process a worker.instance of its own, such as host name and number, or none",
            )
