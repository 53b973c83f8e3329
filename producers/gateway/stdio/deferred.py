"""A session that describes behind the traffic: nobody waits for it, and what it works on lies together in the caches.

What passes is announced to the spool before it is forwarded. It is described when nothing passes, or before more waits
than a handful of messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..observer.message import CONTINUES
from ..observer.observe import SERVER
from ..spool.record import dump, undescribed
from .session import Session

if TYPE_CHECKING:
    from ..clock import Now
    from ..facts.describe import Describer, Draft
    from ..observer.observe import Message, Observer
    from ..spool.record import Entry
    from .session import Sensor, Store

__all__ = ["DeferredSession"]

_MOST_MESSAGES = 6
_MOST_BYTES = 65_536


class DeferredSession(Session):
    """Whoever forwards calls `forwarded` after each chunk, and `settle` when nothing passes while it is `owing`."""

    def __init__(
        self,
        observer: Observer,
        describer: Describer,
        *,
        lease: Sensor,
        spool: Store,
        now: Callable[[], Now],
        heard: Callable[[Message], None] | None = None,
    ) -> None:
        super().__init__(observer, describer, lease=lease, spool=spool, now=now, heard=heard)
        self._owed: list[tuple[Message, Draft, bytes]] = []
        self._bytes = 0
        self._urgent = False

    @property
    def owing(self) -> bool:
        """Whether messages wait to be described."""
        return bool(self._owed)

    def towards_client(self, chunk: bytes) -> None:
        """End the leases of what is answered, and announce it."""
        super().towards_client(chunk)
        super().forwarded()
        self._urgent = self._urgent or not chunk

    def forwarded(self) -> None:
        """Describe what must not wait longer."""
        if self._urgent:
            self.settle()

    def settle(self) -> None:
        """Describe and spool what was announced."""
        owed, self._owed = self._owed, []
        self._bytes, self._urgent = 0, False
        if owed:
            self._keep([self._entry(*one) for one in owed])
            self._spool.fulfil()

    def _describe(self, messages: list[Message], now: Now) -> None:
        """Announce them; where there is no room for that, describe them before they pass."""
        drafted, lease = [], self._lease.state
        for message in messages if len(messages) == 1 else self._worth(messages):
            try:
                draft = self._describer.draft(message, now, lease)
                drafted.append((message, draft, dump(draft[1])))
            except Exception as error:
                self._fail(type(error).__name__)
            if message.unsaid:
                self._fail("not-described", message.unsaid)
            self._bytes += message.frame.size
            if _hurries(message):
                self._urgent = True
        announced = self._spool.announce([(draft[0], record) for _, draft, record in drafted])
        if not announced:
            self.settle()
        self._owed += drafted
        if not announced:
            self.settle()
        elif len(self._owed) >= _MOST_MESSAGES or self._bytes > _MOST_BYTES:
            self._urgent = True

    def _entry(self, message: Message, draft: Draft, record: bytes) -> Entry:
        """What cannot be described is told as it was announced."""
        try:
            self._observer.watch(message)
            return self._describer.describe(message, draft)
        except Exception:
            return draft[0], undescribed(record)


def _hurries(message: Message) -> bool:
    """Whether what comes after it may change what is said of it: what servers ask is judged by the tasks that run at
    this moment, and what becomes of a continued call is told by the first try of it.
    """
    shape = message.shape
    if shape.kind != "request":
        return False
    return message.direction == SERVER or any(name in shape.params for name in CONTINUES)
