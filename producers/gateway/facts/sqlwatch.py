"""Watches calls with SQL among their arguments: the text waits for the reply, is read then, and is forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .sql import Candidate, statements

if TYPE_CHECKING:
    from ..observer.observe import Message
    from .fields import SqlFields
    from .sqlreader import SqlReader

__all__ = ["SqlWatch"]

_MOST_CHARACTERS = 262_144  # of statements that wait, all together


class SqlWatch:
    """For the calls of one server. `named` gives what may be published of a name, `pointer` that of a path."""

    def __init__(
        self,
        named: Callable[[str], str],
        pointer: Callable[[tuple[str, ...]], str],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._named, self._pointer, self._clock = named, pointer, monotonic_ns
        self._waiting: OrderedDict[str, list[Candidate]] = OrderedDict()
        self._characters = 0
        self._reader: SqlReader | None = None

    def request(self, message: Message) -> None:
        """Of the client."""
        call = message.begins
        if call is None or call.method != "tools/call":
            return
        found = statements(message.shape.params.get("arguments"))
        if found:
            self._load()
            self._waiting[call.call_id] = found
            self._characters += _size(found)
            while self._characters > _MOST_CHARACTERS:
                self._forget(next(iter(self._waiting)))

    def reply(self, message: Message) -> None:
        """Of the server."""
        call = message.call
        if call is None or call.call_id not in self._waiting:
            return
        facts = [fact for one in self._forget(call.call_id) if (fact := self._fact(one, message.shape.body))]
        if facts:
            message.facts["sql"] = facts

    def cancelled(self, message: Message) -> None:
        """A notification of the client, which may end a call."""
        if message.ends is not None and message.ends.call_id in self._waiting:
            self._forget(message.ends.call_id)

    def _fact(self, candidate: Candidate, body: dict[str, Any]) -> SqlFields | None:
        from .rows import rows  # noqa: PLC0415 - few servers take SQL

        statement = self._load().read(candidate.text)
        if statement.kind == "unreadable" and not candidate.named:
            return None  # it only began like SQL
        result = body.get("result")
        return {
            "pointer": self._pointer(candidate.path),
            "statement": statement.kind,
            "statements": statement.count,
            "tables": list(map(self._named, statement.tables)),
            "rows": rows(result) if isinstance(result, dict) and result.get("isError") is not True else None,
        }

    def _load(self) -> SqlReader:
        if self._reader is None:
            from .sqlreader import SqlReader, warm  # noqa: PLC0415

            warm()
            self._reader = SqlReader(self._clock)
        return self._reader

    def _forget(self, call_id: str) -> list[Candidate]:
        found = self._waiting.pop(call_id)
        self._characters -= _size(found)
        return found


def _size(found: list[Candidate]) -> int:
    return sum(len(candidate.text) for candidate in found)
