"""A gateway without processes: bytes in, events out; and real ones, watched through their spool."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.models.digest import Keyring
from triptych.models.events import Principal, ProtocolEvent, Server
from triptych.producers.gateway.facts.describe import Connection, Describer, Now
from triptych.producers.gateway.facts.redact import Redactor
from triptych.producers.gateway.observer.observe import CLIENT, SERVER, Message, Observer
from triptych.producers.gateway.spool.record import load
from triptych.producers.gateway.spool.writer import split

KEY = Keyring(b"a key for tests, 32 bytes long..", "test")


class Place:
    cwd = "/srv/app"
    home = "/home/ann"


class Watched:
    """Both directions of one connection, with counting ids and a clock that ticks a microsecond an event."""

    def __init__(self, bound: int = 1 << 20, sensitivity: Callable[[str], str | None] | None = None) -> None:
        numbers = itertools.count(1)
        self._ticks = itertools.count(1)
        connection = Connection(
            instance="instance",
            workload="pod-1",
            boot_id="boot",
            host="node",
            cluster="",
            principal=Principal(kind="configured", id="ann"),
            server=Server(id="files", pid=7),
            inodes=(11, 12),
        )
        self.observer = Observer(KEY, "instance", lambda: f"id-{next(numbers)}", lambda: f"{next(numbers):032x}", bound)
        self.describer = Describer(
            connection, KEY, Redactor(KEY, Place(), sensitivity), lambda: f"event-{next(numbers)}"
        )

    def client(self, *messages: bytes | dict[str, Any]) -> list[ProtocolEvent]:
        return self._events(self.observer.read(CLIENT, _lines(messages)))

    def server(self, *messages: bytes | dict[str, Any]) -> list[ProtocolEvent]:
        return self._events(self.observer.read(SERVER, _lines(messages)))

    def end(self) -> list[ProtocolEvent]:
        return self._events(self.observer.finish(CLIENT) + self.observer.finish(SERVER))

    def now(self) -> Now:
        tick = next(self._ticks)
        return Now(1_000_000 + tick, tick * 1000)

    def _events(self, messages: list[Message]) -> list[ProtocolEvent]:
        return [self.describer.message(message, self.now()) for message in messages]


def _lines(messages: tuple[bytes | dict[str, Any], ...]) -> bytes:
    """Objects as compact lines; bytes as they are."""
    return b"".join(
        message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode() + b"\n"
        for message in messages
    )


@pytest.fixture
def watched() -> Watched:
    return Watched()


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
        return [load(record) for path in segments for record in split(path.read_bytes())[0]]

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
