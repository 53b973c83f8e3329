"""Watches what a server lists and how it introduces itself: pages put together, definitions and texts read, calls
against the list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..observer.claims import text
from ..observer.recent import Recent
from .budget import Budget
from .declared import Declared, Key, differences
from .pages import Pages, key_of

if TYPE_CHECKING:
    from ..observer.ledger import Call
    from ..observer.observe import Message
    from .fields import ListingFields

__all__ = ["Lists"]

_LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
_READ = frozenset({*_LISTS, "initialize", "server/discover"})
_MOST_OPEN = 8
_MOST_TTL_MS = 2**53
_SECOND_NS = 1_000_000_000


class Lists:
    """The lists of one server. `named` gives what may be published of a name."""

    def __init__(self, named: Callable[[str], str]) -> None:
        self._named = named
        self._declared = Declared()
        self._open: Recent[tuple[Key, str, int], Pages] = Recent(_MOST_OPEN)

    def request(self, message: Message) -> None:
        """Of the client."""
        call = message.call
        if call is None:
            return
        if call.method == "tools/call":
            if self._declared:
                self._called(message, call)
        elif call.method in _LISTS and (cursor := message.shape.params.get("cursor")) is not None:
            call.memory = {**(call.memory or {}), "cursor": hash(str(cursor))}

    def reply(self, message: Message) -> None:
        """Of the server."""
        call = message.call
        if call is None or call.method not in _READ:
            return
        result = message.shape.body.get("result")
        if not isinstance(result, dict):
            return
        if call.method in _LISTS:
            self._page(message, call, result)
        elif isinstance(result.get("instructions"), str):
            self._read(message, result["instructions"], Budget())

    def notification(self, message: Message) -> None:
        """Of the server."""
        if message.shape.body["method"] == "notifications/tools/list_changed":
            self._declared.changed(message.conversation)

    def parameters(self, call: Call) -> Mapping[str, tuple[str, ...]] | None:
        """The headers that mirror arguments of the called tool; None where its definition was not seen."""
        listed = self._declared.known(_key(call))
        if listed is None or hash(call.tool) not in listed.tools:
            return None
        return listed.headers.get(hash(call.tool), {})

    def _called(self, message: Message, call: Call) -> None:
        listed, now_ns = self._declared.known(_key(call)), message.now.mono_ns
        if listed is None or hash(call.tool) in listed.tools or not listed.fresh(now_ns):
            return
        since = ", changed since" if listed.changed else ""
        age = (now_ns - listed.at_ns) // _SECOND_NS
        message.note("undeclared-tool", f"not among {len(listed.tools)} tools listed {age} s ago{since}")

    def _page(self, message: Message, call: Call, result: dict[str, Any]) -> None:
        cursor = (call.memory or {}).get("cursor")
        pages = None if cursor is None else self._open.pop((_key(call), call.method, cursor))
        if pages is None:
            pages = Pages(message.claims.server_version, whole=cursor is None)
        pages.spoil(message.shape.partial)
        entries = result.get(_LISTS[call.method])
        entries = entries if isinstance(entries, list) else []
        (self._tools if call.method == "tools/list" else self._others)(message, call, entries, pages)
        following = result.get("nextCursor")
        if following:
            self._open.put((_key(call), call.method, hash(str(following))), pages)
        self._terms(message, call, result, pages, first=cursor is None, last=not following)

    def _tools(self, message: Message, call: Call, entries: list[Any], pages: Pages) -> None:
        from ..observer.headers import parameter_headers  # noqa: PLC0415 - for lists alone, and dear at the start
        from .definitions import tool_definitions  # noqa: PLC0415

        tools = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)]
        budget = Budget()
        definitions = tool_definitions(tools, budget, self._named, pages.names)
        message.facts["tools"] = definitions
        if budget.exceeded:
            message.shape.anomalies.add("partly-scanned")
        pages.spoil(len(definitions) < len(tools))
        old = self._declared.of(_key(call))
        for tool, definition in zip(tools, definitions, strict=False):
            pages.add_tool(tool, definition, parameter_headers(tool.get("inputSchema")))
            before = old.tools.get(key_of(tool)) if old is not None else None
            if old is not None and before is not None:
                for anomaly, detail in differences(before, definition, released=old.version != pages.listed.version):
                    message.note(anomaly, f"{definition['name']}: {detail}")

    def _others(self, message: Message, call: Call, entries: list[Any], pages: Pages) -> None:
        """Prompts and resources: what stands in them for the model, and a digest of each."""
        from .definitions import definition_digest  # noqa: PLC0415

        for entry in entries:
            told = {name: entry[name] for name in entry if name != "_meta"} if isinstance(entry, dict) else entry
            pages.add(definition_digest(told))
        self._read(message, entries, Budget())

    def _read(self, message: Message, told: object, budget: Budget) -> None:
        from .marks import marks, texts  # noqa: PLC0415

        if tags := marks(texts(told, budget)):
            message.facts["text_tags"] = sorted(tags)
        if budget.exceeded:
            message.shape.anomalies.add("partly-scanned")

    def _terms(
        self, message: Message, call: Call, result: dict[str, Any], pages: Pages, *, first: bool, last: bool
    ) -> None:
        ttl_ms = _milliseconds(result.get("ttlMs"))
        scope = text(result.get("cacheScope"))
        listing: ListingFields = {
            "first": first,
            "last": last,
            "ttl_ms": ttl_ms,
            "cache_scope": None if scope is None else self._named(scope),
            "digest": pages.digest() if last else None,
        }
        message.facts["listing"] = listing
        if last and pages.whole and call.method == "tools/list":
            pages.listed.at_ns, pages.listed.ttl_ns = message.now.mono_ns, (ttl_ms or 0) * 1_000_000
            self._declared.keep(_key(call), pages.listed, public=scope == "public")


def _key(call: Call) -> Key:
    return call.conversation, call.claims.capabilities


def _milliseconds(value: object) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST_TTL_MS:
        return int(value)
    return None
