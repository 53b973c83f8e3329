"""Events of all exchanges on their way to the spool; what is lost on it is counted by reason and told in the next.

Requests are announced before they are forwarded. What can wait until both sides have their bytes waits here for the end
of the loop's turn, and is written at once.
"""

from __future__ import annotations

from collections.abc import Callable

from ..facts.producer import Producer
from ..observer.conversation import Conversation
from ..spool.record import Entry
from ..spool.writer import Spool

__all__ = ["Journal"]

Step = Callable[[], None]


class Journal:
    """One for each gateway. `soon` runs a function once the bytes of this turn are sent."""

    def __init__(self, spool: Spool, producer: Producer, soon: Callable[[Step], object]) -> None:
        self._spool, self._producer, self._soon = spool, producer, soon
        self._steps: list[Step] = []
        self._entries: list[Entry] = []
        self.failures: dict[str, int] = {}

    def announce(self, entries: list[Entry], step: Step) -> None:
        """On disk when this returns: `entries`, which stand for what `step` adds behind the bytes of this turn, or that
        itself. Not for steps.
        """
        if self._spool.announce(entries):
            self.later(step)
        else:
            self._steps.append(step)
            self.settle()

    def later(self, step: Step) -> None:
        """Run `step`, which never raises, behind the bytes of this turn; steps keep their order."""
        if not self._steps:
            self._soon(self.settle)
        self._steps.append(step)

    def settle(self) -> None:
        """Do what waits."""
        steps, self._steps = self._steps, []
        for step in steps:
            step()
        self.keep([])
        self._spool.fulfil()

    def keep(self, entries: list[Entry]) -> None:
        """Write them now, and before them what was made before them."""
        if self._entries:
            entries, self._entries = self._entries + entries, []
        if entries and not self._spool.append(entries):
            self.fail("spool-full", len(entries))

    def add(self, entries: list[Entry]) -> None:
        """Write them at the end of this turn."""
        self._entries += entries

    def fail(self, reason: str, count: int = 1) -> None:
        self.failures[reason] = self.failures.get(reason, 0) + count
        self._producer.unsaid += count

    def watched(self, conversation: Conversation) -> None:
        """Take over what the watchers of a conversation failed at."""
        if conversation.failures:
            failures, conversation.failures = conversation.failures, {}
            for reason, count in failures.items():
                self.fail(reason, count)
