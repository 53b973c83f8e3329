"""Watches what a server asks of its client, whichever way: by a request, a required input, an error that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .asks import asked, features, input_requests, urls

if TYPE_CHECKING:
    from collections.abc import Callable

    from .observe import Message
    from .tasks import Tasks

__all__ = ["ServerAsks"]

_WITHIN_A_CALL = frozenset({"sampling/createMessage", "elicitation/create"})
_URL_REQUIRED = -32042  # of 2025-11-25
_MOST = 64
_MOST_RUNNING = 8192
_SMALL = 16_384  # bytes


class ServerAsks:
    """One conversation's. `facts_of_urls` gives the argument facts of where a user is sent."""

    def __init__(self, tasks: Tasks, facts_of_urls: Callable[[list[str], str], list[Any]]) -> None:
        self._tasks = tasks
        self._facts_of_urls = facts_of_urls
        self._running: dict[str, None] = {}  # the client's calls that wait for their reply
        self._declared: object = None  # as it came, or its features

    def offered(self, message: Message) -> None:
        """A request of the client: what it declares with it, and that it runs."""
        if message.meta.capabilities is not None:
            self._offer(message, message.meta.capabilities)
        elif message.shape.body["method"] == "initialize":
            self._offer(message, message.shape.params.get("capabilities"))
        if message.begins is not None:
            running = self._running
            running[message.begins.call_id] = None
            if len(running) > _MOST_RUNNING:
                del running[next(iter(running))]

    def request(self, message: Message) -> None:
        """A request of the server."""
        method = message.shape.body["method"]
        if message.claims.era == "modern":
            message.note("server-request-in-modern-era")
        elif method in _WITHIN_A_CALL and not self._running and not self._tasks.running:
            message.note("server-request-outside-call")
        self._judge(message, [(method, message.shape.params)])

    def reply(self, message: Message) -> None:
        """A reply of the server: a result may require input, an error may demand a URL."""
        if message.call is not None:
            self._running.pop(message.call.call_id, None)
        result = message.shape.body.get("result")
        if isinstance(result, dict):
            if "inputRequests" in result:
                self._judge(message, input_requests(result))
            return
        error = message.shape.body.get("error")
        if isinstance(error, dict) and error.get("code") == _URL_REQUIRED:
            self._judge(message, _required(error.get("data")))

    def cancelled(self, message: Message) -> None:
        """A notification of the client, which may end a call."""
        if message.ends is not None:
            self._running.pop(message.ends.call_id, None)

    def _offer(self, message: Message, capabilities: object) -> None:
        """Most are never asked about: they are read when they are."""
        small = message.frame.end - message.frame.start <= _SMALL
        self._declared = capabilities if small else features(capabilities)

    def _judge(self, message: Message, asks: list[tuple[str, dict[str, Any]]]) -> None:
        declared = self._declared if isinstance(self._declared, frozenset) else features(self._declared)
        for method, params in asks:
            for anomaly, detail in asked(method, params, declared):
                message.note(anomaly, detail)
        if sent := urls(asks):
            message.facts["arguments"] = self._facts_of_urls(sent, message.conversation)


def _required(data: object) -> list[tuple[str, dict[str, Any]]]:
    elicitations = data.get("elicitations") if isinstance(data, dict) else None
    found = elicitations[:_MOST] if isinstance(elicitations, list) else []
    return [("elicitation/create", params) for params in found if isinstance(params, dict)]
