"""May this message reach the server? Pure: text in, verdict out; it remembers which tools a server redefined.

Only calls of tools are judged. Resources, prompts and every other method stay free: they run nothing a tool list names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from typing import Any

from ....models.text import clean
from .config import PolicyConfig
from .pins import Pin, Pins, pin
from .reading import Asked, Reading, read, read_line

__all__ = ["CHANGED", "FREE", "NOT_ALLOWED", "NOT_INSPECTABLE", "NOT_PINNED", "Policy", "Verdict"]

NOT_ALLOWED = "tool-not-allowed"
NOT_PINNED = "definition-not-pinned"
CHANGED = "definition-changed"
NOT_INSPECTABLE = "not-inspectable"
_MOST_EVIDENCE = 16
_DETAIL = 128
_WILD = frozenset("*?[")
_NOTHING = Reading()
Broken = dict[tuple[str, str], None]  # rule and detail, in the order found


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rules` that the message breaks, sorted; `evidence` pairs a rule with names, never with content."""

    allowed: bool
    rules: tuple[str, ...] = ()
    evidence: tuple[tuple[str, str], ...] = ()
    reading: Reading = _NOTHING


FREE = Verdict(True)


class Policy:
    """The rules for one server. `named` gives what may be published of a name.

    `renewed` is asked before a call is refused for its definition: new pins where the operator approved new ones.
    """

    def __init__(
        self,
        config: PolicyConfig,
        pins: Pins | None = None,
        *,
        named: Callable[[str], str] = str,
        renewed: Callable[[], Pins | None] = lambda: None,
    ) -> None:
        self._config, self._pins = config, pins
        self._named, self._renewed = named, renewed
        self._allowed = None if config.allow is None else _Patterns(config.allow)
        self._changed: dict[str, Pin] = {}  # pinned tools as the server redefined them
        self._unread = False  # a list could not be read to its end

    def check(self, body: bytes, *, complete: bool = True, named: Iterable[str] = ()) -> Verdict:
        """Judge one HTTP body. `named` are tools that headers name: a router may go by them. `complete` says whether
        `body` is all of it, in plain JSON.
        """
        return self._verdict(read(body, complete=complete), named) if self._config.forbids else FREE

    def check_line(self, line: bytes, *, complete: bool = True) -> Verdict:
        """Judge one line of a stdio client, with or without its LF."""
        return self._verdict(read_line(line, complete=complete), ()) if self._config.forbids else FREE

    def listed(self, tools: object, *, faithful: bool = True) -> Verdict:
        """Hold the tools of one reply against the pins and remember what differs; a list itself is never refused.

        `faithful` is false where the client may read another list than this one.
        """
        if self._pins is None or not isinstance(tools, list):
            return FREE
        broken: Broken = {}
        if not faithful:
            self._unread = True
            broken[NOT_INSPECTABLE, "tools/list"] = None
        for tool in tools:
            if isinstance(tool, dict) and isinstance(tool.get("name"), str):
                self._compare(tool, self._pins, broken)
        return _judged(broken, allowed=True)

    def _compare(self, tool: dict[str, Any], pins: Pins, broken: Broken) -> None:
        name = tool["name"]
        approved = pins.tools.get(name)
        if approved is None:
            _note(broken, NOT_PINNED, self._named(name))
            return
        found = pin(tool)
        if differing := approved.differs(found):
            self._changed[name] = found
            _note(broken, CHANGED, f"{self._named(name)}: {' '.join(differing)}")

    def _verdict(self, reading: Reading, named: Iterable[str]) -> Verdict:
        names: list[str | None] = [name for asked in reading.messages for name in _tools(asked)]
        names += named
        if not names and reading.readable:
            return FREE
        broken = self._broken(names)
        if self._pins is not None and any(rule != NOT_ALLOWED for rule, _ in broken) and self._repinned():
            broken = self._broken(names)
        certain = any(rule != NOT_INSPECTABLE for rule, _ in broken)
        if not reading.readable:
            _note(broken, NOT_INSPECTABLE, "message")
        closed = bool(broken) and self._config.on_failure == "closed"
        return _judged(broken, allowed=not (certain or closed), reading=reading)

    def _broken(self, names: Iterable[str | None]) -> Broken:
        broken: Broken = {}
        for name in names:
            for rule in [NOT_INSPECTABLE] if name is None else self._rules(name):
                _note(broken, rule, "params.name" if name is None else self._named(name))
        return broken

    def _rules(self, name: str) -> Iterator[str]:
        if self._allowed is not None and not self._allowed.match(name):
            yield NOT_ALLOWED
        if self._pins is None:
            return
        if name not in self._pins.tools:
            yield NOT_PINNED
        elif name in self._changed:
            yield CHANGED
        elif self._unread:
            yield NOT_INSPECTABLE

    def _repinned(self) -> bool:
        """Whether the operator has approved anew; what the new pins agree with is no longer held against a tool."""
        pins = self._renewed()
        if pins is None:
            return False
        self._pins, self._unread = pins, False
        known = ((name, found, pins.tools.get(name)) for name, found in self._changed.items())
        self._changed = {name: found for name, found, approved in known if approved and approved.differs(found)}
        return True


class _Patterns:
    """Names that may be called: most are plain, so a set answers first."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        wild = [pattern for pattern in patterns if not _WILD.isdisjoint(pattern)]
        self._plain = frozenset(patterns).difference(wild)
        self._wild = re.compile("|".join(map(translate, wild))) if wild else None

    def match(self, name: str) -> bool:
        return name in self._plain or (self._wild is not None and self._wild.match(name) is not None)


def _tools(asked: Asked) -> tuple[str | None, ...]:
    """Tools that a message calls, as far as they can be read."""
    return asked.names if asked.calls_tool else ()


def _note(broken: Broken, rule: str, detail: str) -> None:
    """Every rule is told, and of many details the first ones."""
    if len(broken) < _MOST_EVIDENCE or rule not in {known for known, _ in broken}:
        broken[rule, clean(detail, _DETAIL)] = None


def _judged(broken: Broken, *, allowed: bool, reading: Reading = _NOTHING) -> Verdict:
    if not broken:
        return FREE
    return Verdict(allowed, tuple(sorted({rule for rule, _ in broken})), tuple(broken)[:_MOST_EVIDENCE], reading)
