"""Calls that become tasks: their work goes on behind the reply, until a status says that it is over.

Knows both shapes: the extension of 2026-07-28 (`resultType: task`) and the core of 2025-11-25 (`result.task`). Such a
call stays in flight at most an hour, and at most 64 of them do; then it counts as over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .recent import Recent

if TYPE_CHECKING:
    from .ledger import Call
    from .observe import Message

__all__ = ["Tasks"]

_CLIENT = "client_to_server"
_MOST = 4096
_MOST_RUNNING = 64
_MOST_LISTED = 256
_LONGEST_NS = 3_600_000_000_000
_LONGEST_ID = 1024
_TERMINAL = frozenset({"completed", "failed", "cancelled"})
_ABOUT = frozenset({"tasks/get", "tasks/update", "tasks/cancel", "tasks/result"})
_TOLD = frozenset({"notifications/tasks", "notifications/tasks/status"})
_RELATED = "io.modelcontextprotocol/related-task"


class _Task(NamedTuple):
    root: str  # call_id of the call that became it, or of the first try of that; empty where it was only listed
    conversation: str


class _Running(NamedTuple):
    call: Call
    until_ns: int


class Tasks:
    """The tasks of one server, whoever started them. `digest` is keyed.

    A tracker: it sees a message as soon as it is matched, so that a lease ends with the task and not before it.
    """

    def __init__(self, digest: Callable[[str], str]) -> None:
        self._digest = digest
        self._known: Recent[str, _Task] = Recent(_MOST)
        self._running: OrderedDict[str, _Running] = OrderedDict()

    @property
    def running(self) -> bool:
        return bool(self._running)

    def request(self, message: Message) -> None:
        """A question about a task, or what the server asks within one."""
        params = message.shape.params
        if message.direction == _CLIENT:
            if message.shape.body["method"] in _ABOUT and message.call is not None:
                self._asked(message, message.call, params.get("taskId"))
            return
        meta = params.get("_meta")
        related = meta.get(_RELATED) if isinstance(meta, dict) else None
        if isinstance(related, dict) and message.call is not None:
            self._name(message.call, related.get("taskId"))

    def reply(self, message: Message) -> None:
        """A result of the server: a call that becomes a task is still in flight."""
        call, result = message.call, message.shape.body.get("result")
        if call is None or message.direction == _CLIENT or not isinstance(result, dict):
            return
        if call.method in _ABOUT:
            if call.method == "tasks/result" or _over(result):
                self._end(message, (call.facts or {}).get("task_digest", ""))
        elif "taskId" in result or "task" in result:
            created = _created(result)
            if created is not None:
                self._begin(message, call, created)
        elif call.method == "tasks/list":
            self._listed(result, call.conversation)
        if self._running:
            self._expire(message)

    def notification(self, message: Message) -> None:
        """A status that the server tells unasked."""
        if message.direction == _CLIENT or message.shape.body["method"] not in _TOLD:
            return
        params = message.shape.params
        digest = self._digested(params.get("taskId"))
        task = self._known.get(digest)
        message.facts["task_digest"] = digest
        if task is None:
            message.note("task-unknown", "told of by the server alone")
        elif task.root:
            message.facts["root_call_id"] = task.root
        if _over(params):
            self._end(message, digest)

    def _asked(self, message: Message, call: Call, task_id: object) -> None:
        task = self._name(call, task_id)
        if task is None:
            message.note("task-unknown", "no result returned it through this gateway")
        elif task.conversation != call.conversation:
            message.note("task-foreign", "returned to another conversation")

    def _begin(self, message: Message, call: Call, created: dict[str, Any]) -> None:
        root = (call.facts or {}).get("root_call_id", call.call_id)
        digest = self._digested(created["taskId"])
        self._known.put(digest, _Task(root, call.conversation))
        call.facts = {**(call.facts or {}), "task_digest": digest, "root_call_id": root}
        if _over(created):
            return
        if digest in self._running:
            message.released += (self._over(digest),)
        message.ends = None
        if call.active is not None:
            call.active[call.call_id] = call
        self._running[digest] = _Running(call, message.now.mono_ns + _LONGEST_NS)
        if len(self._running) > _MOST_RUNNING:
            message.released += (self._over(next(iter(self._running))),)

    def _end(self, message: Message, digest: str) -> None:
        if digest in self._running:
            message.released += (self._over(digest),)

    def _expire(self, message: Message) -> None:
        digest, oldest = next(iter(self._running.items()))
        if oldest.until_ns < message.now.mono_ns:
            message.released += (self._over(digest),)

    def _over(self, digest: str) -> Call:
        call = self._running.pop(digest).call
        if call.active is not None:
            call.active.pop(call.call_id, None)
        return call

    def _listed(self, result: dict[str, Any], conversation: str) -> None:
        """What a list names is known from then on, though not who started it."""
        tasks = result.get("tasks")
        for task in tasks[:_MOST_LISTED] if isinstance(tasks, list) else ():
            if isinstance(task, dict) and isinstance(task.get("taskId"), str):
                digest = self._digested(task["taskId"])
                if digest not in self._known:
                    self._known.put(digest, _Task("", conversation))

    def _name(self, call: Call, task_id: object) -> _Task | None:
        """Have all events of a call name its task, and the call it came from where that is known."""
        digest = self._digested(task_id)
        task = self._known.get(digest)
        root = {"root_call_id": task.root} if task is not None and task.root else {}
        call.facts = {**(call.facts or {}), "task_digest": digest, **root}
        return task

    def _digested(self, task_id: object) -> str:
        return self._digest(str(task_id)[:_LONGEST_ID])


def _over(told: Mapping[str, Any]) -> bool:
    status = told.get("status")
    return isinstance(status, str) and status in _TERMINAL


def _created(result: dict[str, Any]) -> dict[str, Any] | None:
    """The task that a result creates."""
    task = result if result.get("resultType") == "task" else result.get("task")
    return task if isinstance(task, dict) and isinstance(task.get("taskId"), str) else None
