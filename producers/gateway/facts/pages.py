"""A list while its pages come. Whoever lists decides how many they are, so what becomes too long is no longer kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..observer.claims import text
from .declared import MOST_TOOLS, ToolList

if TYPE_CHECKING:
    from .fields import ToolFields

__all__ = ["Pages", "key_of"]

_MOST_ENTRIES = 8192


def key_of(tool: Mapping[str, Any]) -> int:
    """By which a definition is found again: the name as calls give it."""
    return hash(text(tool["name"]))


class Pages:
    """`whole` is false once something was too much, or missed; then nothing more is kept."""

    def __init__(self, version: str | None, *, whole: bool) -> None:
        self.listed = ToolList(version)
        self.names: set[str] = set()
        self.whole = whole
        self._digests: list[str] = []

    def add(self, digest: str) -> None:
        """An entry, by the digest of its definition."""
        if self.whole:
            self._digests.append(digest)
            self.spoil(len(self._digests) > _MOST_ENTRIES)

    def add_tool(self, tool: Mapping[str, Any], definition: ToolFields, headers: Mapping[str, tuple[str, ...]]) -> None:
        self.add(definition["digest"])
        if self.whole:
            self.names.add(tool["name"])
            self.listed.tools[key_of(tool)] = definition
            if headers:
                self.listed.headers[key_of(tool)] = headers
            self.spoil(len(self.listed.tools) > MOST_TOOLS)

    def spoil(self, too_much: bool = True) -> None:
        """Give up the list where it is too much."""
        if too_much:
            self.whole = False
            self.listed = ToolList(self.listed.version)
            self.names, self._digests = set(), []

    def digest(self) -> str | None:
        """SHA-256 of all entries, whatever their order and on which page they stood; None unless all are known."""
        return hashlib.sha256("\n".join(sorted(self._digests)).encode()).hexdigest() if self.whole else None
