"""Holds the client's lines against the policy. What is refused is answered here, and told as an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..observer.framing import Frame, Lines
from ..observer.observe import CLIENT, SERVER
from ..policy.listing import annotate, judge_list
from ..policy.refusal import refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Now
    from ..observer.observe import Message, Observer
    from ..policy.policy import Policy, Verdict
    from .lines import Piece

__all__ = ["Guard"]

_BLOCKED = {"action": "blocked", "span": {"inode": 0, "start": 0, "end": 0}}  # it lies in no pipe of the server


class Guard:
    """`aside` makes an observer: what never reached the server must not be matched with what did.

    `tell` puts the events of what was refused on disk, before the client can read the refusal.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        aside: Callable[[], Observer],
        bound: int,
        now: Callable[[], Now],
        tell: Callable[[list[Message]], None],
    ) -> None:
        self._policy, self._aside = policy, aside
        self._bound, self._now, self._tell = bound, now, tell
        self._lists: set[str] = set()  # calls of tools/list that the server owes a reply

    def check(self, piece: Piece) -> Verdict:
        """The verdict on a line, or on the start of one that is too long."""
        return self._policy.check_line(piece.data, complete=piece.last)

    def refuse(self, piece: Piece, verdict: Verdict) -> bytes:
        """The lines that the client gets instead; empty for what asks for no reply."""
        answers = refusals(verdict.reading, verdict.rules)
        now, observer = self._now(), self._aside()
        messages = [message for frame in self._frames(piece) for message in observer.frame(CLIENT, frame, now)]
        for message in messages:
            annotate(message, verdict)
        for answer in answers:
            messages += observer.frame(SERVER, Frame(answer, 0, len(answer)), now)
        for message in messages:
            message.facts |= _BLOCKED
        self._tell(messages)
        return b"".join(answer + b"\n" for answer in answers)

    def passes(self, message: Message, verdict: Verdict | None) -> None:
        """A message of the client that goes on: its event says all the same which rules it breaks."""
        if verdict is not None:
            annotate(message, verdict)
        if message.begins is not None and message.begins.method == "tools/list":
            self._lists.add(message.begins.call_id)
        elif message.ends is not None:
            self._lists.discard(message.ends.call_id)

    def answered(self, message: Message) -> None:
        """A message of the server: the tools it lists are held against the pins."""
        call = message.call
        judge_list(self._policy, message, listing=bool(self._lists) if call is None else call.call_id in self._lists)
        if call is not None:
            self._lists.discard(call.call_id)

    def _frames(self, piece: Piece) -> list[Frame]:
        if not piece.last:
            return [Frame(piece.data, 0, len(piece.data), complete=False)]
        lines = Lines(self._bound)
        return lines.feed(piece.data) + lines.finish()
