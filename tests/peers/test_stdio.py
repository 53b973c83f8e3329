"""Real clients and servers over stdio: the gateway changes neither what they see nor one byte of what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from patience import PATIENCE_S
from peers.catalogue import CLIENTS, PROGRAMS, SERVERS, Place

from triptych.models.events import ProtocolEvent

pytestmark = pytest.mark.peers


def tee(folder: Path) -> list[str]:
    return [sys.executable, str(PROGRAMS / "tee.py"), str(folder)]


def seen(client: str, place: Place, server: list[str], call: str) -> str:
    """What a client printed."""
    command = CLIENTS[client].command(place, json.dumps(server), call)
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def conversations(folder: Path) -> list[tuple[bytes, bytes]]:
    """What each start of a server was sent and answered."""
    return sorted((inward.read_bytes(), inward.with_suffix(".out").read_bytes()) for inward in folder.glob("*.in"))


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", [name for name, client in CLIENTS.items() if client.stdio])
def test_a_pair_works_as_it_does_directly(
    client: str, server: str, place: Place, tmp_path: Path, spooled: Callable[[], list[ProtocolEvent]]
) -> None:
    command, call = SERVERS[server].command(place), SERVERS[server].call(place)
    gateway = [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--spool", str(tmp_path / "spool"), "--"]
    behind = [*tee(tmp_path / "front"), *gateway, *tee(tmp_path / "back"), *command]
    with ThreadPoolExecutor() as both:
        direct, through = both.map(lambda server: seen(client, place, server, call), (command, behind))
    assert through == direct
    assert conversations(tmp_path / "front") == conversations(tmp_path / "back")
    assert [event.tool for event in spooled() if event.method == "tools/call" and event.kind == "request"][:1] == [
        SERVERS[server].tool
    ]
