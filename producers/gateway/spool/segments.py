"""The shipper's side of a spool folder: what is still to be sent, and what the broker has acknowledged."""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .events import NO_EVENT, Events
from .record import HEAD
from .writer import HEADER, PENDING, SUFFIX, SpoolError, split

__all__ = ["Segment", "Ticket", "lock", "segments"]

_READ = 1 << 20


@dataclass(slots=True)
class Ticket:
    """A record on its way; `end` is the offset behind it."""

    end: int
    state: Literal["sent", "acknowledged", "failed"] = "sent"


class Segment:
    """One segment. Reading goes ahead; `acknowledged` follows in order and is remembered beside the segment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events = Events()
        self._notes = path.with_suffix(".acked")
        self._fd = os.open(path, os.O_RDONLY)
        self.acknowledged: int = self._remembered()
        self._read = self._saved = self.acknowledged
        self._sent: deque[Ticket] = deque()
        self._unresolved = 0
        self._broken = False
        self._relearn()

    def records(self) -> Iterator[tuple[bytes, Ticket]]:
        """New whole records, each with the ticket to hand back; none while a failure waits for the rest to resolve.

        Heads go to `events` and are no records to send.
        """
        if self._broken:
            return
        for record in split(os.pread(self._fd, max(_READ, self._next_size()), self._read))[0]:
            self._read += HEADER + len(record)
            ticket = Ticket(self._read)
            self._sent.append(ticket)
            if self._learns(record):
                ticket.state = "acknowledged"
                self._advance()
                continue
            self._unresolved += 1
            yield record, ticket

    def acknowledge(self, ticket: Ticket) -> None:
        """The broker has this record."""
        self._resolve(ticket, "acknowledged")
        self._advance()

    def fail(self, ticket: Ticket) -> None:
        """The broker does not have it: once all others are resolved, everything behind `acknowledged` is sent again."""
        self._broken = True
        self._resolve(ticket, "failed")

    def save(self) -> None:
        """Remember what is acknowledged: a shipper that starts over sends only the rest, with the same event ids."""
        if self.acknowledged != self._saved:
            fresh = self._notes.with_suffix(".acked-new")
            fresh.write_text(str(self.acknowledged))
            fresh.rename(self._notes)
            self._saved = self.acknowledged

    @property
    def waiting(self) -> int:
        """Records on their way."""
        return len(self._sent)

    @property
    def left(self) -> int:
        """Bytes not yet acknowledged."""
        return os.fstat(self._fd).st_size - self.acknowledged

    def abandoned(self) -> bool:
        """Whether its writer is gone."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def torn(self) -> bool:
        """Whether less than a whole record is left."""
        left = self.left
        return 0 < left < max(HEADER, self._next_size())

    def close(self, *, delete: bool = False) -> None:
        if delete:
            self.path.unlink(missing_ok=True)
            self._notes.unlink(missing_ok=True)
        os.close(self._fd)

    def _advance(self) -> None:
        while self._sent and self._sent[0].state == "acknowledged":
            self.acknowledged = self._sent.popleft().end

    def _learns(self, record: bytes) -> bool:
        """Whether it is a head. One that cannot be read is a record like another, and is buried as one."""
        if not record.startswith(HEAD):
            return False
        try:
            self.events.learn(record)
        except NO_EVENT:
            return False
        return True

    def _relearn(self) -> None:
        """The heads of what an earlier shipper has sent: the rest may name them."""
        at = 0
        while at < self.acknowledged:
            records, size = split(os.pread(self._fd, max(_READ, self._next_size(at)), at))
            if not size:
                return
            for record in records:
                self._learns(record)
            at += size

    def _resolve(self, ticket: Ticket, state: Literal["acknowledged", "failed"]) -> None:
        ticket.state = state
        self._unresolved -= 1
        if self._broken and not self._unresolved:
            self._sent.clear()
            self._read = self.acknowledged
            self._broken = False

    def _next_size(self, at: int | None = None) -> int:
        """Bytes of the next record as its length says; 0 while the length is not there."""
        head = os.pread(self._fd, HEADER, self._read if at is None else at)
        return HEADER + int.from_bytes(head, "big") if len(head) == HEADER else 0

    def _remembered(self) -> int:
        try:
            return int(self._notes.read_text())
        except (OSError, ValueError):
            return 0


def segments(folder: Path) -> list[Path]:
    """Every segment in the folder, oldest name first. What is pending is none."""
    return sorted(path for path in folder.glob("*" + SUFFIX) if not path.name.endswith(PENDING))


def lock(folder: Path) -> int | None:
    """The descriptor that makes us the folder's only shipper; None where another one is. Raises SpoolError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(folder / "ship.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SpoolError(folder, error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
