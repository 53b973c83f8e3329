"""Rules that change while a worker runs: looked at every few seconds, taken over as a whole or not at all, and told.

A change that cannot be meant, or that is not pinned, leaves the old rules in place and is an audit event as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog

from ...models.changes import Change, between
from ...models.errors import TriptychError
from .audit import Audit
from .ruleset import PINS, Ruleset, digests

__all__ = ["Reloading"]

log = structlog.get_logger(__name__)

_Standing = tuple[Mapping[Path, str], Mapping[Path, bytes]]
"""Digests of the rules, and the pins of the folders."""


class Reloading:
    """`use` puts a new set to work."""

    def __init__(
        self,
        folders: Sequence[Path],
        current: Ruleset,
        use: Callable[[Ruleset], None],
        audit: Audit,
    ) -> None:
        self._folders = tuple(folders)
        self._current = current
        self._use = use
        self._audit = audit
        self._refused: _Standing | None = None

    async def run_if_due(self) -> bool:
        """Whether other rules judge from now on."""
        await self._audit.tell()
        found = await asyncio.to_thread(self._standing)
        if found is not None and found[0] == self._current.digests:
            await self._audit.catch_up("rule", _versions(self._current))
            return False
        if found is None or found == self._refused:
            return False
        try:
            new = await asyncio.to_thread(partial(Ruleset.load, self._folders, pinned=self._current.pinned))
        except TriptychError as error:
            self._refused = found
            log.error("rules refused", code=error.code, error=error.what, hint=error.hint)
            refusal = Change(kind="rule", subject=str(self._folders[0]), action="refuse", reason=error.what)
            await self._audit.tell([refusal])
            return False
        changed = between("rule", _versions(self._current), _versions(new))
        self._use(new)
        self._current, self._refused = new, None
        log.info("rules changed", rules=[one.subject for one in changed])
        await self._audit.tell(changed)
        return True

    def _standing(self) -> _Standing | None:
        """None while a folder is being replaced."""
        pins = [folder / PINS for folder in self._folders]
        try:
            return digests(self._folders), {file: file.read_bytes() for file in pins if file.is_file()}
        except (OSError, TriptychError):
            return None


def _versions(rules: Ruleset) -> dict[str, str]:
    return {rule.id: rule.digest for rule in rules.own}
