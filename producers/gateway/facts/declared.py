"""The tools a server declared, list by list: a definition against the one before it, a call against the list. Pure.

A list belongs to a conversation and to what its client declared: servers may vary it by both. At most 64 lists with
4096 tools are kept, the oldest are forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .fields import ToolFields

__all__ = ["MOST_TOOLS", "Declared", "Key", "ToolList", "differences"]

Key = tuple[str, tuple[str, ...]]  # conversation, declared capabilities
_MOST_LISTS = 64
MOST_TOOLS = 4096
_HOUR_NS = 3_600_000_000_000
_Digest = Literal["description_digest", "input_digest", "output_digest", "annotations_digest"]
_Hint = Literal["read_only", "destructive", "open_world"]
_FIELDS: tuple[tuple[str, _Digest], ...] = (
    ("description", "description_digest"),
    ("input", "input_digest"),
    ("output", "output_digest"),
    ("annotations", "annotations_digest"),
)
_HINTS: tuple[tuple[_Hint, bool, bool], ...] = (  # the harmless value, and the default
    ("read_only", True, False),
    ("destructive", False, True),
    ("open_world", False, True),
)


class ToolList:
    """One list: definitions and header parameters by the hash of the tool's name. Times in nanoseconds, monotonic."""

    __slots__ = ("at_ns", "changed", "headers", "tools", "ttl_ns", "version")

    def __init__(self, version: str | None) -> None:
        self.version = version  # of the server, by its own word
        self.tools: dict[int, ToolFields] = {}
        self.headers: dict[int, Mapping[str, tuple[str, ...]]] = {}
        self.at_ns = self.ttl_ns = 0
        self.changed = False  # the server said so since

    def fresh(self, now_ns: int) -> bool:
        """Whether a client may still go by it."""
        return now_ns - self.at_ns < max(self.ttl_ns, _HOUR_NS)


class Declared:
    """The latest whole lists of one server."""

    def __init__(self) -> None:
        self._lists: OrderedDict[Key, ToolList] = OrderedDict()
        self._public: OrderedDict[tuple[str, ...], ToolList] = OrderedDict()
        self._tools = 0

    def __bool__(self) -> bool:
        return bool(self._lists)

    def of(self, key: Key) -> ToolList | None:
        """What this conversation was told."""
        return self._lists.get(key)

    def known(self, key: Key) -> ToolList | None:
        """What this conversation was told, else what may be shared with it."""
        return self._lists.get(key) or self._public.get(key[1])

    def keep(self, key: Key, listed: ToolList, *, public: bool) -> None:
        old = self._lists.pop(key, None)
        self._tools += len(listed.tools) - (len(old.tools) if old else 0)
        self._lists[key] = listed
        while len(self._lists) > 1 and (len(self._lists) > _MOST_LISTS or self._tools > MOST_TOOLS):
            self._tools -= len(self._lists.popitem(last=False)[1].tools)
        if public:
            self._public[key[1]] = listed
            if len(self._public) > 1:
                self._public.popitem(last=False)

    def changed(self, conversation: str) -> None:
        """The server says that the list is no longer what it was."""
        for (whose, _), listed in self._lists.items():
            listed.changed = listed.changed or whose == conversation


def differences(old: ToolFields, new: ToolFields, *, released: bool) -> Iterator[tuple[str, str]]:
    """Anomaly and what differs between two definitions of a tool; `released` says that the server's version changed."""
    if old["digest"] != new["digest"] and not released:
        fields = [name for name, field in _FIELDS if old[field] != new[field]]
        yield "definition-changed", " ".join(fields) or "other"
    if old["input_digest"] == new["input_digest"] and (weaker := _weaker(old, new)):
        yield "annotations-weakened", " ".join(weaker)


def _weaker(old: ToolFields, new: ToolFields) -> list[str]:
    """Hints by which the tool now claims to be harmless and did not before."""
    found: list[str] = []
    for name, harmless, default in _HINTS:
        before, now = (default if value is None else value for value in (old[name], new[name]))
        if before != harmless and now == harmless:
            found.append(name)
    return found
