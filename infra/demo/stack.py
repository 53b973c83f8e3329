"""Starts what the story needs, in order, each part ready before the next; stops it all in reverse.

Every part is the product's own command with one shared settings file, so the demo runs what a user would run. Or the
story joins parts that run already, and brings only the gateways and their shipper.
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
from ..settings import Kafka, Redis, Settings
from ..stores import Store
from .parts import Part, accepts, answers, await_ready, part, triptych
from .world import OUTSIDE

__all__ = ["PARTS", "Layout", "Ready", "Stack", "attach", "start"]

HOST = TENANT = "triptych-demo"
_COMMANDS = {"sensor": ("sensor",), "shipper": ("gateway", "ship"), "agent": ("agent",), "worker": ("worker",)}
PARTS = tuple(_COMMANDS)

Ready = Callable[[str, str], None]
"""Hears the name of a part that is ready, and a detail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the parts of one run find each other. `agent` is host:port of the OTLP receiver."""

    folder: Path
    agent: str
    lease: Path
    key: Path

    @property
    def settings(self) -> Path:
        return self.folder / "triptych.toml"

    @property
    def gateways(self) -> Path:
        """Settings of every gateway. A client passes hardly any environment on, so a file it is."""
        return self.folder / "gateway.toml"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def sensed(self) -> Path:
        """Where the sensor's raw input goes when the run is recorded."""
        return self.folder / "sensor.bin"

    @property
    def spans(self) -> str:
        return f"http://{self.agent}/v1/traces"

    def gateway(self, server: str, principal: str, command: Sequence[str]) -> list[str]:
        """The command line of a tool server with its gateway in front."""
        flags = ("--config", str(self.gateways), "--server", server, "--principal", principal)
        return [str(Path(sys.executable).with_name("triptych-gateway")), *flags, "--", *command]

    def furnish(self, settings: str, key_id: str) -> None:
        """Make the folders and write the settings."""
        self.logs.mkdir(parents=True)
        self.spool.mkdir()
        self.settings.write_text(settings)
        self.gateways.write_text(_GATEWAYS.format(layout=self, key_id=key_id, host=HOST, patience_ms=_PATIENCE_MS))


# A busy laptop must not cost a gateway its lease: without one no effect is exact.
_PATIENCE_MS = 5000

_GATEWAYS = """\
host = "{host}"
spool_dir = "{layout.spool}"
lease_socket = "{layout.lease}"
key_file = "{layout.key}"
key_id = "{key_id}"
ready_ms = {patience_ms}
attach_ms = {patience_ms}
"""

_JOINING = """\
[gateway]
config = "{layout.gateways}"
"""

# Times are short, so that nobody waits for a finding that is already certain.
_WHOLE = """\
[identity]
host = "{host}"

[digest]
key_file = "{layout.key}"

[kafka]
bootstrap = "{broker.bootstrap}"

[redis]
url = "{store.url}"

[networks]
outside = [{outside}]

[gateway]
config = "{layout.gateways}"

[sensor]
lease_socket = "{layout.lease}"
{recording}

[agent]
port = {agent_port}

[worker]
health_port = {health_port}
turn_gap_s = 1.5

[findings]
tenant = "{tenant}"
labels = ["test"]
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs."""

    layout: Layout
    broker: Broker
    store: Store
    tenant: str
    parts: tuple[Part, ...]


@contextmanager
def start(
    folder: Path,
    provider: Literal["embedded", "local"],
    ready: Ready,
    *,
    parts: Sequence[str] = PARTS,
    record: bool = False,
) -> Iterator[Stack]:
    """The stack, or only some of its `parts`; `ready` hears of each; `record` keeps the sensor's raw input.

    Raises the TriptychError of the part that could not start.
    """
    agent_port, health_port = free_ports(2)
    layout = Layout(
        folder=folder, agent=f"127.0.0.1:{agent_port}", lease=folder / "lease.sock", key=folder / "digest.key"
    )
    key_id = keys.new(layout.key).key_id
    with ExitStack() as stack:
        broker = stack.enter_context(brokers.start(Kafka(provider=provider)))
        store = stack.enter_context(stores.start(Redis(provider=provider)))
        ready(f"broker and store ({provider})", broker.bootstrap)
        recording = f'recording = "{layout.sensed}"' if record else ""
        layout.furnish(_whole(layout, broker, store, health_port, recording), key_id)
        yield Stack(layout, broker, store, TENANT, _run(stack, layout, parts, health_port, ready))


@contextmanager
def attach(folder: Path, settings: Settings, ready: Ready) -> Iterator[Stack]:
    """Gateways and shipper of our own, beside a broker, sensor, agent part and worker that run already."""
    layout = Layout(
        folder=folder,
        agent=f"{settings.agent.host}:{settings.agent.port}",
        lease=settings.sensor.lease_socket,
        key=settings.digest.key_file,
    )
    broker, store = brokers.reach(settings.kafka), stores.reach(settings.redis)
    ready("broker and store reached", broker.bootstrap)
    layout.furnish(_JOINING.format(layout=layout), keys.load(layout.key, settings.digest.key_id).key_id)
    with ExitStack() as stack:
        yield Stack(layout, broker, store, settings.findings.tenant, _run(stack, layout, ("shipper",), 0, ready))


def _run(stack: ExitStack, layout: Layout, names: Sequence[str], health_port: int, ready: Ready) -> tuple[Part, ...]:
    tests: dict[str, Callable[[], bool]] = {
        "sensor": lambda: accepts(layout.lease),
        "shipper": layout.spool.exists,
        "agent": lambda: answers(f"http://{layout.agent}/healthz"),
        "worker": lambda: answers(f"http://127.0.0.1:{health_port}/readyz"),
    }
    commands = {name: triptych(layout.settings, *_COMMANDS[name]) for name in names}
    parts = [stack.enter_context(part(name, command, layout.logs)) for name, command in commands.items()]
    for started in parts:
        await_ready(started, tests[started.name])
        ready(started.name, "")
    return tuple(parts)


def _whole(layout: Layout, broker: Broker, store: Store, health_port: int, recording: str) -> str:
    return _WHOLE.format(
        layout=layout,
        broker=broker,
        store=store,
        agent_port=layout.agent.rpartition(":")[2],
        recording=recording,
        health_port=health_port,
        host=HOST,
        tenant=TENANT,
        outside=", ".join(f'"{network}"' for network in OUTSIDE),
    )
