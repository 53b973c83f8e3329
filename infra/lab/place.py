"""Starts what observes: broker, sensor, shipper, span receiver, a recorder of all topics, and the server over HTTP.

Every part is the product's own command, as in the demo. No worker runs: what was observed is judged afterwards.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...models import topics
from .. import brokers, keys
from ..demo.parts import Part, accepts, answers, await_ready, part, triptych
from ..demo.stack import HOST, Layout
from ..demo.world import OUTSIDE
from ..ports import free_ports, is_free
from ..settings import Kafka
from . import servers

__all__ = ["OBSERVED", "Place", "start"]

OBSERVED = (topics.PROTOCOL, topics.EXECUTION, topics.AGENT)
_END_S = 20.0

_SETTINGS = """\
[identity]
host = "{host}"

[digest]
key_file = "{layout.key}"

[kafka]
bootstrap = "{bootstrap}"

[networks]
outside = [{outside}]

[gateway]
config = "{layout.gateways}"
lease_socket = "{layout.lease}"

[sensor]
lease_socket = "{layout.lease}"
lease_users = [{user}]

[agent]
port = {port}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where agents find everything. `ledger`: URL of the gateway before the server over HTTP."""

    layout: Layout
    ledger: str
    parts: tuple[Part, ...]

    def must_live(self) -> None:
        """Raises DemoError X02 when a part has ended."""
        for one in self.parts:
            one.must_live()


@contextmanager
def start(folder: Path, recording: Path, tell: Callable[[str], None]) -> Iterator[Place]:
    """Everything that observes, writing to `recording` until the block ends. Raises TriptychError of a part."""
    agent, upstream, front = free_ports(3)
    layout = Layout(folder=folder, agent=f"127.0.0.1:{agent}", lease=folder / "lease.sock", key=folder / "digest.key")
    folder.mkdir(parents=True)
    key_id = keys.new(layout.key).key_id
    with ExitStack() as stack:
        broker = stack.enter_context(brokers.start(Kafka(provider="embedded")))
        layout.furnish(_settings(layout, broker.bootstrap, agent), key_id)
        tell("broker, sensor, shipper, span receiver, recorder")
        recorder = _run(stack, layout, "recorder", ("record", str(recording), "--follow", *_named(OBSERVED)))
        stack.callback(_end, recorder)
        parts = [recorder]
        parts += [_run(stack, layout, name, argv) for name, argv in _COMMANDS.items()]
        await_ready(parts[1], lambda: accepts(layout.lease))
        await_ready(parts[3], lambda: answers(f"http://{layout.agent}/healthz"))
        parts += _ledger(stack, layout, upstream, front)
        yield Place(layout, f"http://127.0.0.1:{front}/mcp", tuple(parts))


_COMMANDS = {"sensor": ("sensor",), "shipper": ("gateway", "ship"), "agent": ("agent",)}


def _settings(layout: Layout, bootstrap: str, port: int) -> str:
    outside = ", ".join(f'"{network}"' for network in OUTSIDE)
    return _SETTINGS.format(layout=layout, bootstrap=bootstrap, host=HOST, outside=outside, user=os.getuid(), port=port)


def _ledger(stack: ExitStack, layout: Layout, upstream: int, front: int) -> list[Part]:
    server = stack.enter_context(part("ledger", servers.ledger(upstream), layout.logs))
    await_ready(server, lambda: not is_free(upstream))
    address = f"http://127.0.0.1:{upstream}/mcp", "--listen", f"127.0.0.1:{front}"
    gateway = _run(stack, layout, "front", ("gateway", "http", "--server", servers.HTTP, "--upstream", *address))
    await_ready(gateway, lambda: not is_free(front))
    return [server, gateway]


def _run(stack: ExitStack, layout: Layout, name: str, arguments: tuple[str, ...]) -> Part:
    return stack.enter_context(part(name, triptych(layout.settings, *arguments), layout.logs))


def _named(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for name in names for word in ("--topic", name))


def _end(recorder: Part) -> None:
    """As Ctrl-C does: what was read is written."""
    recorder.process.send_signal(signal.SIGINT)
    try:
        recorder.process.wait(_END_S)
    except subprocess.TimeoutExpired:
        recorder.process.terminate()
