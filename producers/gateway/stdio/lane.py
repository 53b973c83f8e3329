"""Between one client and the processes of its server, line by line: what may be refused, held back or spread goes this
way. Single-threaded; no side can block another, because no write waits and who cannot be written to is not read for.
"""

from __future__ import annotations

import os
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from ..policy.policy import FREE
from ..policy.refusal import GONE, error
from .lines import Cutter, Piece
from .merge import Merger
from .poller import CHUNK, IN, OUT, Poller, read_chunk
from .pool import Pool
from .sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..observer.observe import Message
    from ..policy.policy import Verdict
    from .dispatch import Send
    from .guard import Guard
    from .member import Member
    from .router import Router

__all__ = ["Lane"]

_GATEWAY = "gateway"  # as a source of output lines
_MOST_PENDING = 256 << 10  # bytes that a process or the client has not taken


class Lane:
    """`start` makes the process under a number; its session must tell every message that it observes.

    `wakeup` becomes readable with the numbers of signals that the processes are to get. `alone` says that there is
    never another process than the first.
    """

    def __init__(
        self,
        client: tuple[int, int],
        wakeup: int,
        start: Callable[[int, Callable[[Message], None]], Member],
        *,
        router: Router,
        guard: Guard | None,
        bound: int,
        alone: bool,
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._client_in, self._to_client = client[0], Sink(client[1])
        self._wakeup, self._router, self._guard, self._alone = wakeup, router, guard, alone
        self._cutter, self._merger, self._poller = Cutter(bound), Merger(0 if alone else bound), Poller()
        self._reading = True
        self._queue: deque[Send] = deque()
        self._verdict: Verdict | None = None  # on the line that is being sent
        self._tail: Verdict | None = None  # on a line too long to wait for, which goes to the first process
        self._mode = router.mode
        self._pool = Pool(lambda number: start(number, partial(self._heard, number)), router, self._lost, monotonic_ns)

    def run(self) -> int:
        """Until the last process has ended and what it wrote is delivered; its exit status, or that of all as one."""
        while not self._pool.done or self._to_client.pending:
            self._close_what_nobody_reads()
            wanted = self._wanted()
            ready = self._poller.ready(wanted, 0 if self._may_be_over(wanted) else self._pool.wait_ms)
            quiet = wanted.keys() - ready
            self._flush(ready)
            self._go(self._pool.tick())
            if self._wakeup in ready:
                for number in os.read(self._wakeup, 64):
                    self._pool.signal(number)
            if self._client_in in ready and self._reading:
                self._from_client()
            for member in [*self._pool.members.values()]:
                self._from_member(member, ready, quiet)
        return self._pool.status

    def _heard(self, number: int, message: Message) -> None:
        """A process' session observed a message."""
        if message.direction == "client_to_server":
            if self._guard is not None:
                self._guard.passes(message, self._verdict)
        elif self._guard is not None:
            self._guard.answered(message)
        self._queue += self._router.heard(number, message)

    def _wanted(self) -> dict[int, int]:
        wanted = {self._wakeup: IN}
        if self._reading and not self._must_wait():
            wanted[self._client_in] = IN
        if self._to_client.open and self._to_client.pending:
            wanted[self._to_client.fd] = OUT
        for member in self._pool.members.values():
            if member.reading and not self._to_client.pending and not self._merger.waits(member.number):
                wanted[member.output] = IN
            if member.sink.open and member.sink.pending:
                wanted[member.sink.fd] = OUT
            if not member.exited:
                wanted[member.pidfd] = IN
        return wanted

    def _must_wait(self) -> bool:
        sinks = [member.sink for member in self._pool.members.values()]
        too_much = any(len(sink.pending) > _MOST_PENDING for sink in (*sinks, self._to_client))
        return too_much or self._router.full or self._merger.waits(_GATEWAY)

    def _flush(self, ready: set[int]) -> None:
        for sink in (self._to_client, *(member.sink for member in self._pool.members.values())):
            if sink.open and sink.fd in ready:
                sink.flush()

    def _from_client(self) -> None:
        chunk = read_chunk(self._client_in)
        if chunk is None:
            return
        for piece in self._cutter.feed(chunk) if chunk else self._cutter.finish():
            self._take(piece)
        self._go(())
        if not chunk:
            self._go(self._router.rest())
            self._stop_client()
            self._pool.close()

    def _take(self, piece: Piece) -> None:
        if not piece.first:
            if self._tail is not None:
                self._pass([(0, piece.data)], self._tail)
            return
        verdict = self._guard.check(piece) if self._guard is not None else FREE
        self._tail = verdict if verdict.allowed and not piece.last else None
        if not verdict.allowed:
            self._go(())
            self._refuse(piece, verdict)
        elif self._tail is not None:
            self._pass([(0, piece.data)], verdict)
        elif verdict.rules:
            self._pass(self._routed(piece.data), verdict)
        else:
            self._queue += self._routed(piece.data)

    def _refuse(self, piece: Piece, verdict: Verdict) -> None:
        if self._guard is not None:
            self._answer(self._guard.refuse(piece, verdict))

    def _routed(self, data: bytes) -> list[Send]:
        sends = self._router.line(data)
        if self._router.mode != self._mode:
            self._mode = self._router.mode
            for member in self._pool.members.values():
                member.switch(self._mode)
        return sends

    def _pass(self, sends: Iterable[Send], verdict: Verdict) -> None:
        """Send what waits, then what goes on in spite of the verdict on it."""
        self._go(())
        self._verdict = verdict
        for number, data in sends:
            self._send(number, data)
        self._verdict = None

    def _go(self, sends: Iterable[Send]) -> None:
        """Send what waits, then `sends`, then whatever that lets go."""
        self._queue += sends
        while self._queue:
            self._send(*self._taken())

    def _taken(self) -> Send:
        """What waits for one process, up to a chunk."""
        number, data = self._queue.popleft()
        together, size = [data], len(data)
        while self._queue and self._queue[0][0] == number and size < CHUNK:
            together.append(self._queue.popleft()[1])
            size += len(together[-1])
        return number, b"".join(together)

    def _send(self, number: int, data: bytes) -> None:
        member = self._pool.member(number)
        if member is not None:
            member.send(data)

    def _may_be_over(self, wanted: dict[int, int]) -> bool:
        """Whether a process has exited whose output is at its end, or would be found at its end by a look."""
        members = self._pool.members.values()
        return any(member.exited and (not member.reading or member.output in wanted) for member in members)

    def _from_member(self, member: Member, ready: set[int], quiet: set[int]) -> None:
        """`quiet` are the descriptors that were watched and had nothing: only of such an output it is known."""
        if member.exited and (not member.reading or member.output in quiet):
            self._pool.ended(member)
            if self._pool.done:
                self._to_client.put(self._merger.rest(member.number))
            return
        member.exited = member.exited or member.pidfd in ready
        if member.reading and member.output in ready:
            self._forward(member)

    def _forward(self, member: Member) -> None:
        chunk = read_chunk(member.output)
        if chunk is None:
            return
        member.session.towards_client(chunk)
        if chunk:
            member.spoke = True
            self._to_client.put(self._merger.put(member.number, chunk))
        else:
            member.stop_reading()
            if self._alone:
                self._to_client.finish()
        member.session.forwarded()
        self._go(())

    def _lost(self, number: int, identifiers: list[str], status: int) -> None:
        """The client must not wait for what no process works on any more."""
        self._to_client.put(self._merger.end(number))
        data = {"status": status}
        for identifier in identifiers:
            self._answer(error(identifier.encode(), GONE, "the server's process has ended", data) + b"\n")

    def _answer(self, lines: bytes) -> None:
        self._to_client.put(self._merger.put(_GATEWAY, lines))

    def _close_what_nobody_reads(self) -> None:
        """So that its writer learns of it, as without a gateway."""
        members = [*self._pool.members.values()]
        if not self._to_client.open:
            for member in members:
                member.stop_reading()
        if self._pool.closing:
            self._stop_client()
        elif self._alone:
            if not members[0].sink.open:
                self._stop_client()
        elif not self._to_client.open:
            self._stop_client()
            self._pool.close()
        else:
            for member in members:
                member.end_if_deaf()

    def _stop_client(self) -> None:
        if self._reading:
            self._reading = False
            os.close(self._client_in)
