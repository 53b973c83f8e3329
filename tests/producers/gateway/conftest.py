"""A gateway without processes: bytes in, events out; and real ones, watched through their spool."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from triptych.models.digest import Keyring
from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.clock import Now
from triptych.producers.gateway.facts.describe import Connection, Describer
from triptych.producers.gateway.facts.producer import Producer
from triptych.producers.gateway.facts.redact import Redactor
from triptych.producers.gateway.observer.conversation import Conversation, Watcher
from triptych.producers.gateway.observer.observe import CLIENT, SERVER, Message, Observer
from triptych.producers.gateway.signatures import Signatures
from triptych.producers.gateway.spool.events import Events
from triptych.producers.gateway.spool.record import HEAD, Entry
from triptych.producers.gateway.spool.writer import split

KEY = Keyring(b"a key for tests, 32 bytes long..", "test")


class Place:
    cwd = "/srv/app"
    home = "/home/ann"


class Watched:
    """Both directions of one connection, with counting ids and a clock that ticks a microsecond an event."""

    def __init__(
        self,
        bound: int = 1 << 20,
        sensitivity: Callable[[str], str | None] | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        numbers = itertools.count(1)
        self._ticks = itertools.count(1)
        connection = Connection(
            instance="instance",
            workload="pod-1",
            boot_id="boot",
            host="node",
            cluster="",
            principal={"kind": "configured", "id": "ann"},
            server={"id": "files", "pid": 7},
            inodes=(11, 12),
        )
        self.observer = Observer(
            KEY,
            ("of the process", "process"),
            lambda: f"id-{next(numbers)}",
            lambda: f"{next(numbers):032x}",
            bound,
            shared=Conversation(watchers),
        )
        self.redactor = Redactor(KEY, Place(), sensitivity)
        self.signatures: Signatures | None = None
        self.describer = Describer(connection, KEY, self.redactor, Producer("instance"))
        self.records: list[bytes] = []  # every one that was made
        self._events = Events()

    def client(self, *messages: bytes | dict[str, Any]) -> list[ProtocolEvent]:
        return self._described(self.observer.read(CLIENT, _lines(messages), self.now()))

    def server(self, *messages: bytes | dict[str, Any]) -> list[ProtocolEvent]:
        return self._described(self.observer.read(SERVER, _lines(messages), self.now()))

    def end(self) -> list[ProtocolEvent]:
        return self._described(self.observer.finish(CLIENT, self.now()) + self.observer.finish(SERVER, self.now()))

    def now(self) -> Now:
        tick = next(self._ticks)
        return Now(1_000_000 + tick, tick * 1000)

    def event(self, entry: Entry) -> ProtocolEvent:
        """What the shipper makes of an entry."""
        head, record = entry
        self.records += [head.record, record]
        self._events.learn(head.record)
        return self._events.read(record)

    def _described(self, messages: list[Message]) -> list[ProtocolEvent]:
        return [self.event(self._seen(message)) for message in messages]

    def _seen(self, message: Message) -> Entry:
        self.observer.watch(message)
        return self.describer.message(message, self.now())


def events_of(records: Iterable[bytes]) -> list[ProtocolEvent]:
    """The events of one segment."""
    known = Events()
    found = []
    for record in records:
        if record.startswith(HEAD):
            known.learn(record)
        else:
            found.append(known.read(record))
    return found


def _lines(messages: tuple[bytes | dict[str, Any], ...]) -> bytes:
    """Objects as compact lines; bytes as they are."""
    return b"".join(
        message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode() + b"\n"
        for message in messages
    )


@pytest.fixture
def watched() -> Watched:
    return Watched()


def _signed() -> Watched:
    watched = Watched()
    watched.signatures = Signatures(KEY, watched.redactor, lambda: 0)
    watched.signatures.watch(watched.observer.shared, handshake=False)
    return watched


@pytest.fixture
def signed() -> Watched:
    """Watched for all signatures, by a gateway that saw no handshake."""
    return _signed()


@pytest.fixture(scope="session")
def signing() -> Callable[[], Watched]:
    """Makes such ones, for tests that need many."""
    return _signed


@pytest.fixture(scope="session")
def watch() -> type[Watched]:
    return Watched


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return KEY


@pytest.fixture
def spooled(tmp_path: Path) -> Callable[[], list[ProtocolEvent]]:
    """The events in the spool folder of this test, in their order."""

    def read() -> list[ProtocolEvent]:
        segments = sorted((tmp_path / "spool").glob("*.spool"))
        return [event for path in segments for event in events_of(split(path.read_bytes())[0])]

    return read


@pytest.fixture(scope="session")
def call() -> Callable[..., dict[str, Any]]:
    """A tools/call request."""

    def build(
        number: int | str = 1, tool: str = "read_config", meta: dict[str, Any] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        params: dict[str, Any] = {"name": tool, "arguments": arguments}
        if meta:
            params["_meta"] = meta
        return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}

    return build


@pytest.fixture(scope="session")
def answer() -> Callable[..., dict[str, Any]]:
    """A tools/call result."""

    def build(number: int | str = 1, text: str = "fine", **more: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": number, "result": {"content": [{"type": "text", "text": text}], **more}}

    return build
