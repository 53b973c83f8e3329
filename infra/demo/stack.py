"""Starts everything the story needs, in order, each part ready before the next; stops it all in reverse.

Every part is the product's own command with one shared settings file, so the demo runs what a user would run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import brokers, keys, stores
from ..brokers import Broker
from ..ports import free_ports
from ..settings import Kafka, Redis
from ..stores import Store
from .parts import Part, accepts, answers, part, triptych
from .world import OUTSIDE

__all__ = ["Layout", "Ready", "Stack", "start"]

Ready = Callable[[str, str], None]
"""Hears the name of a part that is ready, and a detail."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of one run find each other: a folder and two loopback ports."""

    folder: Path
    agent_port: int
    health_port: int

    @property
    def settings(self) -> Path:
        return self.folder / "triptych.toml"

    @property
    def lease(self) -> Path:
        return self.folder / "lease.sock"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def key(self) -> Path:
        return self.folder / "digest.key"

    @property
    def spans(self) -> str:
        """OTLP/HTTP endpoint of the agent part."""
        return f"http://127.0.0.1:{self.agent_port}/v1/traces"

    def gateway(self, server: str, principal: str, command: Sequence[str]) -> list[str]:
        """The command line of a tool server with its gateway in front."""
        flags = ("--config", str(self.settings), "--server", server, "--principal", principal)
        return [str(Path(sys.executable).with_name("triptych-gateway")), *flags, "--", *command]

    def describe(self, broker: Broker, store: Store) -> str:
        """The settings file. Times are short, so that nobody waits for a finding that is already certain."""
        outside = ", ".join(f'"{network}"' for network in OUTSIDE)
        return _SETTINGS.format(layout=self, broker=broker, store=store, outside=outside)


_SETTINGS = """\
[digest]
key_file = "{layout.key}"

[kafka]
bootstrap = "{broker.bootstrap}"

[redis]
url = "{store.url}"

[networks]
outside = [{outside}]

[gateway]
spool_dir = "{layout.spool}"
lease_socket = "{layout.lease}"

[sensor]
lease_socket = "{layout.lease}"

[agent]
port = {layout.agent_port}

[worker]
health_port = {layout.health_port}
turn_gap_s = 1.5

[findings]
tenant = "triptych-demo"
labels = ["test"]
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs."""

    layout: Layout
    broker: Broker
    parts: tuple[Part, ...]


@contextmanager
def start(folder: Path, provider: Literal["embedded", "local"], ready: Ready) -> Iterator[Stack]:
    """The whole stack; `ready` hears of each part. Raises the TriptychError of the part that could not start."""
    layout = Layout(folder, *free_ports(2))
    layout.logs.mkdir(parents=True)
    layout.spool.mkdir()
    keys.new(layout.key)
    with ExitStack() as stack:
        broker = stack.enter_context(brokers.start(Kafka(provider=provider)))
        store = stack.enter_context(stores.start(Redis(provider=provider)))
        ready(f"broker and store ({provider})", broker.bootstrap)
        layout.settings.write_text(layout.describe(broker, store))
        parts: list[Part] = []
        for name, command, answered in _commands(layout):
            parts.append(stack.enter_context(part(name, triptych(layout.settings, *command), layout.logs, answered)))
            ready(name, "")
        yield Stack(layout, broker, tuple(parts))


def _commands(layout: Layout) -> Iterator[tuple[str, tuple[str, ...], Callable[[], bool]]]:
    """Name and command of each part, and whether it is ready."""
    yield "sensor", ("sensor",), lambda: accepts(layout.lease)
    yield "shipper", ("gateway", "ship"), layout.spool.exists
    yield "agent", ("agent",), lambda: answers(f"http://127.0.0.1:{layout.agent_port}/healthz")
    yield "worker", ("worker",), lambda: answers(f"http://127.0.0.1:{layout.health_port}/readyz")
