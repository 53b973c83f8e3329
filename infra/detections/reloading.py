"""Rules that change while a worker runs: looked at every few seconds, taken over as a whole or not at all, and told.

A change that cannot be meant, or that is not pinned, leaves the old rules in place and is an audit event as well. An
audit event that the broker does not take is told the next time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog

from ...models.changes import Change
from ...models.errors import TriptychError
from .ruleset import PINS, Ruleset, digests

__all__ = ["Reloading", "changes_between"]

log = structlog.get_logger(__name__)

_Standing = tuple[Mapping[Path, str], Mapping[Path, bytes]]
"""Digests of the rules, and the pins of the folders."""


class Reloading:
    """`use` puts a new set to work; `tell` publishes what changed, off the event loop."""

    def __init__(
        self,
        folders: Sequence[Path],
        current: Ruleset,
        use: Callable[[Ruleset], None],
        tell: Callable[[Sequence[Change]], None],
    ) -> None:
        self._folders = tuple(folders)
        self._current = current
        self._use = use
        self._tell = tell
        self._refused: _Standing | None = None
        self._untold: list[Change] = []

    async def run_if_due(self) -> bool:
        """Whether other rules judge from now on."""
        if not self._folders:
            return False
        if self._untold:
            await self._told(())
        found = await asyncio.to_thread(self._standing)
        if found is None or found[0] == self._current.digests or found == self._refused:
            return False
        try:
            new = await asyncio.to_thread(partial(Ruleset.load, self._folders, pinned=self._current.pinned))
        except TriptychError as error:
            self._refused = found
            log.error("rules refused", code=error.code, error=error.what, hint=error.hint)
            await self._told([Change(kind="rule", subject=str(self._folders[0]), action="refuse", reason=error.what)])
            return False
        changed = changes_between(self._current, new)
        self._use(new)
        self._current, self._refused = new, None
        log.info("rules changed", rules=[one.subject for one in changed])
        await self._told(changed)
        return True

    def _standing(self) -> _Standing | None:
        """None while a folder is being replaced."""
        pins = [folder / PINS for folder in self._folders]
        try:
            return digests(self._folders), {file: file.read_bytes() for file in pins if file.is_file()}
        except (OSError, TriptychError):
            return None

    async def _told(self, changed: Sequence[Change]) -> None:
        self._untold += changed
        try:
            await asyncio.to_thread(self._tell, tuple(self._untold))
        except TriptychError as error:
            log.error("audit event not sent", code=error.code, error=error.what)
        else:
            self._untold.clear()


def changes_between(before: Ruleset, after: Ruleset) -> list[Change]:
    """By rule what is new, gone or different."""
    old = {rule.id: rule for rule in before.own}
    new = {rule.id: rule for rule in after.own}
    told = [
        Change(kind="rule", subject=name, action="create", after=new[name].digest) for name in new.keys() - old.keys()
    ]
    told += [
        Change(kind="rule", subject=name, action="delete", before=old[name].digest) for name in old.keys() - new.keys()
    ]
    told += [
        Change(kind="rule", subject=name, action="update", before=old[name].digest, after=new[name].digest)
        for name in new.keys() & old.keys()
        if new[name].digest != old[name].digest
    ]
    return sorted(told, key=lambda change: change.subject)
