"""Exceptions that change while a worker runs: files are looked at every few seconds, taken over together or not at all.

A worker without its files goes on with what stood in them. Every exception that is new, gone or different is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import orjson
import structlog

from ...models.changes import Change, between
from ...models.errors import TriptychError
from ...models.hygiene import Exemption, Exemptions
from .audit import Audit

__all__ = ["ExceptionsReloading"]

log = structlog.get_logger(__name__)


class ExceptionsReloading:
    """`use` puts a new set of exceptions to work."""

    def __init__(
        self, files: Sequence[Path], current: Exemptions, use: Callable[[Exemptions], None], audit: Audit
    ) -> None:
        self._files = tuple(files)
        self._current = current
        self._use = use
        self._audit = audit
        self._seen = _bytes(self._files)

    async def run_if_due(self) -> bool:
        """Whether other exceptions hold from now on."""
        await self._audit.catch_up("exception", _versions(self._current))
        found = await asyncio.to_thread(_bytes, self._files)
        if found == self._seen or found.keys() != set(self._files):
            return False
        self._seen = found
        try:
            new = await asyncio.to_thread(Exemptions.load, self._files)
        except TriptychError as error:
            log.error("exceptions refused", code=error.code, error=error.what, hint=error.hint)
            refusal = Change(kind="exception", subject=str(self._files[0]), action="refuse", reason=error.what)
            await self._audit.tell([refusal])
            return False
        changed = _changes_between(self._current, new)
        self._use(new)
        self._current = new
        log.info("exceptions changed", exceptions=[one.subject for one in changed])
        await self._audit.tell(changed)
        return True


def _bytes(files: Sequence[Path]) -> dict[Path, bytes]:
    """Without those that cannot be read: a file may just be replaced."""
    found = {}
    for file in files:
        try:
            found[file] = file.read_bytes()
        except OSError:
            continue
    return found


def _changes_between(before: Exemptions, after: Exemptions) -> list[Change]:
    entries = {entry.id: entry for entry in after.entries}
    return [
        replace(one, reason=entries[one.subject].reason, by=entries[one.subject].owner)
        if one.subject in entries
        else one
        for one in between("exception", _versions(before), _versions(after))
    ]


def _versions(exemptions: Exemptions) -> dict[str, str]:
    return {entry.id: _digest(entry) for entry in exemptions.entries}


def _digest(entry: Exemption) -> str:
    scope = sorted((name, pattern.pattern) for name, pattern in entry.scope.items())
    said = [entry.rules, entry.owner, entry.reason, entry.expires_ns, scope]
    return sha256(orjson.dumps(said)).hexdigest()
