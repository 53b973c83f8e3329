"""The question what stands behind a program or a library, and its answer. Pure: integrity.py is who looks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from .decode import KernelEvent

__all__ = ["UNPROVEN", "Proof", "Subject", "needs_proof", "subject"]

_LIBRARY = re.compile(rb"\.so(?:\.[0-9.]+)?$")


class Proof(NamedTuple):
    """`sha256` in hex, of programs only. None is unknown.

    `writable`: may the user that runs it, for root anybody else, write the file or put another in its place.
    """

    sha256: str | None = None
    writable: bool | None = None


UNPROVEN = Proof()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A file to look at: the program of a process, or a library that it opened. `number` names the question."""

    number: int
    pid: int
    start_ns: int
    root: int
    uid: int
    inode: int
    path: bytes
    is_program: bool


def needs_proof(event: KernelEvent) -> bool:
    """Whether the event is the start of a program or the opening of a library."""
    if event.path is None or event.path_source != "kernel":
        return False
    return event.kind == "exec" or (event.kind == "open" and event.result >= 0 and bool(_LIBRARY.search(event.path)))


def subject(number: int, event: KernelEvent) -> Subject:
    """What to look at for an event that needs a proof."""
    return Subject(
        number=number,
        pid=event.pid,
        start_ns=event.start_ns,
        root=event.root,
        uid=event.uid,
        inode=event.inode,
        path=event.path or b"",
        is_program=event.kind == "exec",
    )
