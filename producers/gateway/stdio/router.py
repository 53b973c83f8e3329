"""What a client's line is to the processes of its server: work for one of them, a word to the one that knows, or
anything else, which goes to the first. Pure.

Replicas are legal for clients of the modern era only, which share nothing through a connection. At the first sign of
an older client everything goes to the first process, as without replicas.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from ..observer.framing import Lines
from ..observer.message import Shape, message_id, shapes
from ..observer.meta import read_meta
from .dispatch import Dispatch, Line, Send

if TYPE_CHECKING:
    from ....models.events import DispatchMode
    from ..observer.ledger import MessageId
    from ..observer.observe import Message

__all__ = ["Router"]

_WORK = frozenset({"tools/call", "resources/read", "prompts/get", "completion/complete"})
_MODERN = frozenset({"server/discover", "subscriptions/listen"})
_MOST_REMEMBERED = 4096
_MOST_OPEN = 8192
K = TypeVar("K")


@dataclass(slots=True, eq=False)
class _Open:
    """A request that waits for its reply."""

    line: Line
    lexeme: str
    works: bool


class Router:
    """One client before `members` processes of a server. `mode` becomes "concurrent" when replicas turn out illegal.

    Lines beyond `bound` are read by their start.
    """

    def __init__(self, mode: DispatchMode, members: int, bound: int) -> None:
        self.mode: DispatchMode = mode
        self._dispatch = Dispatch(members)
        self._chooses = mode != "concurrent"  # else all goes to the only process at once
        self._bound = bound
        self._waiting: dict[MessageId, deque[_Open]] = {}
        self._count = 0
        self._known: OrderedDict[bytes, int] = OrderedDict()  # who gave out a request state or a task, by digest
        self._asked: OrderedDict[MessageId, int] = OrderedDict()  # who sent a request of the server

    @property
    def full(self) -> bool:
        """Whether the client has to wait."""
        return self._dispatch.full

    def line(self, data: bytes) -> list[Send]:
        """Where a line of the client goes; none while it is held."""
        if not self._chooses:
            return [(0, data)]
        lines = Lines(self._bound)
        found = [shape for frame in (*lines.feed(data), *lines.finish()) for shape in shapes(frame)]
        sends: list[Send] = []
        if self.mode == "replica" and any(self._is_legacy(shape) for shape in found):
            self.mode = "concurrent"
            sends = self._dispatch.all(first=True)
        held = self._cancelled(found)
        if held is not None:
            self._dispatch.behind(held, data)
            return sends
        line = Line(data, sum(self._works(shape) for shape in found), self._member(found))
        for shape in found:
            self._track(shape, line)
        return sends + self._dispatch.put(line)

    def heard(self, member: int, message: Message) -> list[Send]:
        """What can go on after a message from or to a member was observed."""
        if not self._chooses:
            return []
        shape = message.shape
        if message.direction == "client_to_server":
            key = _cancels(shape)
            return self._over(member, key) if key is not None else []
        if shape.kind == "request" and shape.id is not None:
            _remember(self._asked, shape.id, member)
        elif shape.kind in ("response", "error"):
            self._learn(member, shape.body.get("result"))
        if shape.id is None and not message.frame.complete:
            return self._over(member, self._oldest(member))  # too large to tell whose reply it is
        return self._over(member, shape.id) if shape.kind in ("response", "error") else []

    def lost(self, member: int) -> list[str]:
        """A member has ended: the ids (JSON text) of what it leaves unanswered. It gets nothing until it is back."""
        self._dispatch.gone(member)
        left = [
            (key, entry)
            for key, waiting in self._waiting.items()
            for entry in waiting
            if entry.line.sent and entry.line.member == member
        ]
        for key, entry in left:
            self._forget(key, entry)
        return [entry.lexeme for _, entry in left]

    def back(self, member: int) -> list[Send]:
        """A member may be started again."""
        return self._dispatch.back(member)

    def rest(self) -> list[Send]:
        """All that is held: no more will come from the client."""
        return self._dispatch.all()

    def _is_legacy(self, shape: Shape) -> bool:
        """A sign of a client for whom one connection is one conversation."""
        if "batch" in shape.anomalies:
            return True
        if shape.kind in ("request", "notification"):
            method = shape.body["method"]
            if method in ("initialize", "notifications/initialized"):
                return True
            return shape.kind == "request" and method not in _MODERN and read_meta(shape.params).version is None
        return shape.kind != "invalid" and shape.id not in self._asked

    def _works(self, shape: Shape) -> bool:
        if self.mode == "serialised":
            return shape.starts_tool
        return self.mode == "replica" and shape.kind == "request" and shape.body["method"] in _WORK

    def _member(self, found: list[Shape]) -> int | None:
        """The only member that can take the line; None where any can."""
        if self.mode != "replica":
            return 0
        for shape in found:
            known = self._known_to(shape)
            if known is not None:
                return known
        return None if any(self._works(shape) for shape in found) else 0

    def _known_to(self, shape: Shape) -> int | None:
        if shape.kind in ("response", "error"):
            return self._asked.pop(shape.id, None) if shape.id else None
        key = _cancels(shape)
        if key is not None:
            return next((entry.line.member for entry in self._waiting.get(key, ())), None)
        marks = [_mark(shape.params.get(name)) for name in ("requestState", "taskId")]
        return next((self._known[mark] for mark in marks if mark in self._known), None)

    def _cancelled(self, found: list[Shape]) -> Line | None:
        """The held line whose call this cancels: the cancellation must not overtake it."""
        for shape in found:
            key = _cancels(shape)
            for entry in self._waiting.get(key, ()) if key is not None else ():
                return None if entry.line.sent else entry.line
        return None

    def _track(self, shape: Shape, line: Line) -> None:
        works = self._works(shape)
        if shape.kind != "request" or shape.id is None or not (works or self._count < _MOST_OPEN):
            return
        self._count += 1
        self._waiting.setdefault(shape.id, deque()).append(_Open(line, shape.lexeme or "null", works))

    def _over(self, member: int, key: MessageId | None) -> list[Send]:
        """A request is answered or cancelled; the oldest one where several bear the id."""
        for entry in self._waiting.get(key, ()) if key is not None else ():
            if entry.line.sent and entry.line.member == member:
                self._forget(key, entry)
                return self._dispatch.over(member) if entry.works else []
        return []

    def _oldest(self, member: int) -> MessageId | None:
        """What the member works on."""
        return next(
            (
                key
                for key, waiting in self._waiting.items()
                for entry in waiting
                if entry.works and entry.line.sent and entry.line.member == member
            ),
            None,
        )

    def _forget(self, key: MessageId | None, entry: _Open) -> None:
        waiting = self._waiting[key] if key is not None else deque()
        waiting.remove(entry)
        self._count -= 1
        if not waiting and key is not None:
            del self._waiting[key]

    def _learn(self, member: int, result: object) -> None:
        """Who can go on with what this result leaves open."""
        if self.mode != "replica" or not isinstance(result, dict):
            return
        task = result.get("task")
        for name in (
            result.get("requestState"),
            result.get("taskId"),
            task.get("taskId") if isinstance(task, dict) else None,
        ):
            mark = _mark(name)
            if mark:
                _remember(self._known, mark, member)


def _cancels(shape: Shape) -> MessageId | None:
    """The request that a notification cancels."""
    if shape.kind != "notification" or shape.body["method"] != "notifications/cancelled":
        return None
    return message_id(shape.params.get("requestId"), set())


def _mark(name: object) -> bytes:
    """Short, whatever the server's length of it; empty for what is no name."""
    if not isinstance(name, str):
        return b""
    return blake2b(name.encode(errors="surrogatepass"), digest_size=16).digest()


def _remember(known: OrderedDict[K, int], key: K, member: int) -> None:
    known[key] = member
    known.move_to_end(key)
    if len(known) > _MOST_REMEMBERED:
        known.popitem(last=False)
