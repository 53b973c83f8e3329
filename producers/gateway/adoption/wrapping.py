"""A client's settings with gateways before its servers, or without them again. Pure: text in, text out.

Only the pieces that name the gateway change: comments, order, blanks and every other value stay as they were written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from ....models.text import clean
from . import remote, stdio
from .entry import Unfit
from .errors import ClientFileError
from .jsonc import Edit, edited
from .routes import Routes
from .shapes import Entry, entries
from .stdio import Launcher

__all__ = ["Outcome", "Rewriting", "State", "look", "unwrap", "wrap"]

State = Literal["wrapped", "direct", "left alone"]
_DECIDING = frozenset({"command", "args", "url", "type"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One server: how it stands now, whether that is new, and why where it was left alone."""

    table: str
    name: str
    state: State
    changed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rewriting:
    text: str
    outcomes: tuple[Outcome, ...]

    @property
    def changed(self) -> bool:
        return any(outcome.changed for outcome in self.outcomes)


def wrap(
    text: str, launcher: Launcher, routes: Routes, names: Collection[str] = (), *, force: bool = False
) -> Rewriting:
    """Put gateways before the servers `names`, or before all. `routes` learns those to servers that are dialled.

    Raises ClientFileError for a file of no known shape, and G26 where a server that was named cannot be wrapped.
    """

    def one(entry: Entry) -> tuple[Outcome, Sequence[Edit]]:
        if _is_wrapped(text, entry, routes):
            return Outcome(entry.table, entry.name, "wrapped"), ()
        try:
            edits = _wrap(text, entry, launcher, routes, force)
        except Unfit as unfit:
            if entry.name in names:
                raise ClientFileError(
                    f"{clean(entry.name)}: {unfit}", "the others can be wrapped", code="G26"
                ) from None
            return Outcome(entry.table, entry.name, "left alone", reason=str(unfit)), ()
        return Outcome(entry.table, entry.name, "wrapped", changed=True), edits

    return _rewritten(text, names, one)


def unwrap(text: str, routes: Routes, names: Collection[str] = ()) -> Rewriting:
    """Take the gateways away again. Raises ClientFileError as wrap does."""

    def one(entry: Entry) -> tuple[Outcome, Sequence[Edit]]:
        edits = stdio.unwrap(text, entry.node) or remote.unwrap(text, entry.node, entry.name, routes)
        return Outcome(entry.table, entry.name, "direct", changed=bool(edits)), edits

    return _rewritten(text, names, one)


def look(text: str, routes: Routes) -> tuple[Outcome, ...]:
    """How each server stands. Raises ClientFileError for a file of no known shape."""
    return tuple(
        Outcome(entry.table, entry.name, "wrapped" if _is_wrapped(text, entry, routes) else "direct")
        for entry in entries(text)
    )


def _rewritten(text: str, names: Collection[str], one: Callable[[Entry], tuple[Outcome, Sequence[Edit]]]) -> Rewriting:
    found = entries(text)
    known = {entry.name for entry in found}
    if missing := sorted(set(names) - known):
        servers = ", ".join(clean(name, 40) for name in sorted(known)) or "none"
        raise ClientFileError(f"there is no server {clean(missing[0])}", f"the file has {servers}", code="G26")
    results = [one(entry) for entry in found if not names or entry.name in names]
    return Rewriting(
        edited(text, (edit for _, edits in results for edit in edits)), tuple(outcome for outcome, _ in results)
    )


def _is_wrapped(text: str, entry: Entry, routes: Routes) -> bool:
    return stdio.is_wrapped(entry.node) or remote.is_wrapped(text, entry.node, entry.name, routes)


def _wrap(text: str, entry: Entry, launcher: Launcher, routes: Routes, force: bool) -> list[Edit]:
    node = entry.node
    if node.kind != "object":
        raise Unfit(f"it is no table of settings but one {node.kind}")
    if twice := _DECIDING.intersection(node.repeated):
        raise Unfit(f"it has two of {sorted(twice)[0]}")
    if not entry.name.isprintable() or not entry.name or entry.name.startswith("-"):
        raise Unfit("its name cannot be an argument: it is empty, begins with - or has characters that do not show")
    launched, dialled = node.member("command") is not None, node.member("url") is not None
    if launched == dialled:
        raise Unfit("it has both command and url" if launched else "it has neither command nor url")
    if launched:
        return stdio.wrap(text, node, entry.name, launcher, force=force)
    return remote.wrap(text, node, entry.name, routes, force=force)
