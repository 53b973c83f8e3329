"""What is known of one conversation with a server: shared by the observers of all connections that carry it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .claims import Claims, after_request
from .ledger import Ledger

if TYPE_CHECKING:
    from .message import Shape
    from .meta import Meta
    from .observe import Message

__all__ = ["Conversation", "Ledgers", "Watcher"]


class Watcher(Protocol):
    """A detector of protocol signatures. It sees every message after it was matched to its call, before its event is
    made, and says what it found with `message.note` and `message.facts`. It must cost next to nothing for ordinary
    messages and bound what it keeps. What it raises is counted, and touches neither event nor bytes.

    A *tracker* is one that decides when calls end (`message.ends`, `message.released`): it sees a message at once. All
    others may have to wait until a reply is forwarded, so that nobody else has to.
    """

    def request(self, message: Message) -> None: ...
    def reply(self, message: Message) -> None: ...
    def notification(self, message: Message) -> None: ...


class Ledgers:
    """The open requests of both sides. `server` holds the client's calls, as they run there."""

    __slots__ = ("client", "server")

    def __init__(self, server: Ledger | None = None, client: Ledger | None = None) -> None:
        self.server = server if server is not None else Ledger()
        self.client = client if client is not None else Ledger()


Hooks = Mapping[str, tuple[tuple[str, Callable[["Message"], None]], ...]]


class Introduction(NamedTuple):
    """What a modern client says of itself in every request, and what that made of the claims before it."""

    version: str
    client: Any
    capabilities: Any
    before: Claims
    after: Claims

    def repeated(self, meta: Meta) -> bool:
        try:
            return (meta.version, meta.client, meta.capabilities) == self[:3]
        except RecursionError:  # what nests so deep is read anew each time
            return False


class Conversation:
    """`failures` counts by reason what watchers raised; whoever describes takes them out and reports them."""

    __slots__ = ("claims", "failures", "introduced", "ledgers", "tracking", "watching")

    def __init__(self, watchers: Sequence[Watcher] = (), trackers: Sequence[Watcher] = ()) -> None:
        self.watching, self.tracking = _hooks(watchers), _hooks(trackers)
        self.claims = Claims()
        self.introduced: Introduction | None = None
        self.ledgers = Ledgers()
        self.failures: dict[str, int] = {}

    def have(self, watchers: Sequence[Watcher], trackers: Sequence[Watcher] = ()) -> None:
        """From now on it has these."""
        self.watching, self.tracking = _hooks(watchers), _hooks(trackers)

    def learn(self, shape: Shape, meta: Meta) -> Claims:
        """The claims after a message of the client. What repeats the last introduction costs next to nothing."""
        claims, last = self.claims, self.introduced
        if last is not None and (claims is last.after or claims is last.before) and last.repeated(meta):
            self.claims = last.after
            return last.after
        self.claims = after_request(claims, shape, meta)
        if meta.version is not None:
            self.introduced = Introduction(meta.version, meta.client, meta.capabilities, claims, self.claims)
        return self.claims

    def show(self, message: Message, hooks: Hooks) -> None:
        """Call the hooks that are there for a message of its kind."""
        for name, hook in hooks.get(message.shape.kind, ()):
            try:
                hook(message)
            except Exception:
                self.failures[name] = self.failures.get(name, 0) + 1


def _hooks(watchers: Sequence[Watcher]) -> Hooks:
    """By kind of message, each with the reason under which its failures are counted. Looked up once."""
    names = [f"watcher-{type(watcher).__name__}" for watcher in watchers]
    replies = tuple(zip(names, [watcher.reply for watcher in watchers], strict=True))
    return {
        "request": tuple(zip(names, [watcher.request for watcher in watchers], strict=True)),
        "response": replies,
        "error": replies,
        "notification": tuple(zip(names, [watcher.notification for watcher in watchers], strict=True)),
    }
