"""Which detectors of protocol signatures see which messages, and what those of one server share. See the README."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .facts.listing import Lists
from .facts.sqlwatch import SqlWatch
from .observer.chains import Chains, States
from .observer.lifecycle import Lifecycle
from .observer.observe import CLIENT, SERVER, Message
from .observer.references import References
from .observer.serverasks import ServerAsks
from .observer.tasks import Tasks

if TYPE_CHECKING:
    from ...models.digest import Keyring
    from .facts.redact import Redactor
    from .facts.walk import Link
    from .observer.conversation import Conversation
    from .observer.ledger import Call

__all__ = ["Signatures"]

_Hooks = tuple[Callable[[Message], None], ...]


class Signatures:
    """One for each server: conversations come and go, tasks, states and lists may outlive them."""

    def __init__(self, keyring: Keyring, redactor: Redactor, monotonic_ns: Callable[[], int]) -> None:
        self._digest, self._redactor = keyring.digest, redactor
        self._tasks = Tasks(keyring.digest)
        self._states = States()
        self._lists = Lists(redactor.named)
        self._sql = SqlWatch(redactor.named, self._pointer, monotonic_ns)

    def watch(self, conversation: Conversation, *, handshake: bool = True) -> Conversation:
        """Have it watched. `handshake`: whether a legacy client must begin with initialize, as on stdio."""
        lifecycle, references = Lifecycle(handshake=handshake), References(self._digest)
        asks = ServerAsks(self._tasks, self._urls)
        chains, lists, sql = Chains(self._states, self._digest, self._redactor.named), self._lists, self._sql
        parts = _Parts(
            conversation,
            requests={
                CLIENT: (
                    lifecycle.request,
                    references.request,
                    asks.offered,
                    chains.request,
                    lists.request,
                    sql.request,
                ),
                SERVER: (references.request, asks.request),
            },
            replies={
                CLIENT: (),
                SERVER: (lifecycle.reply, references.reply, asks.reply, chains.reply, lists.reply, sql.reply),
            },
            notifications={
                CLIENT: (lifecycle.notification, references.notification, asks.cancelled, sql.cancelled),
                SERVER: (references.notification, lists.notification),
            },
        )
        conversation.have((parts,), trackers=(self._tasks,))
        return conversation

    def parameters(self, call: Call) -> Mapping[str, tuple[str, ...]] | None:
        """The HTTP headers that mirror arguments of the called tool; None where its definition was not seen."""
        return self._lists.parameters(call)

    def _pointer(self, path: tuple[str, ...]) -> str:
        link: Link = None
        for name in path:
            link = link, name
        return self._redactor.pointer(link)

    def _urls(self, urls: list[str], conversation: str) -> list[Any]:
        return self._redactor.arguments([("url", url, (None, "url")) for url in urls], conversation)


class _Parts:
    """A watcher of parts: each sees the messages that concern it, and one that fails costs no other its sight."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        requests: dict[str, _Hooks],
        replies: dict[str, _Hooks],
        notifications: dict[str, _Hooks],
    ) -> None:
        self._conversation = conversation
        self._requests, self._replies, self._notifications = requests, replies, notifications

    def request(self, message: Message) -> None:
        self._show(message, self._requests[message.direction])

    def reply(self, message: Message) -> None:
        if message.call is not None:
            self._show(message, self._replies[message.direction])

    def notification(self, message: Message) -> None:
        self._show(message, self._notifications[message.direction])

    def _show(self, message: Message, hooks: _Hooks) -> None:
        for hook in hooks:
            try:
                hook(message)
            except Exception:
                name, failures = f"watcher-{type(hook.__self__).__name__}", self._conversation.failures  # type: ignore[attr-defined]
                failures[name] = failures.get(name, 0) + 1
