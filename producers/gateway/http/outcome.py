"""How an exchange ended, and what that means for calls that got no reply in it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Outcome"]

_ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class Outcome:
    """`later` says that replies may still come over another exchange of the session."""

    anomalies: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    later: bool = False

    @classmethod
    def of(cls, status: int, *, session: bool, streamed: bool = False, readable: bool = True) -> Outcome:
        """Of a whole response. A session's streams may break off and be taken up again; HTTP+SSE answers with 202."""
        if status >= 400:
            return cls((f"http-status-{status}",))
        if readable and not (session and (streamed or status == _ACCEPTED)):
            return _PLAIN
        return cls(() if readable else ("content-unreadable",), later=session and (status == _ACCEPTED or streamed))


_PLAIN = Outcome()
