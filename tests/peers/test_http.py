"""Real clients and servers over HTTP: the gateway changes neither what they see nor one byte of what they say."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from patience import PATIENCE_S
from peers.catalogue import CLIENTS, SERVERS, Place, node_program
from peers.wiretap import Wiretap, same

from triptych.infra.conformance import peers, sides
from triptych.infra.ports import free_ports
from triptych.infra.process import running

pytestmark = pytest.mark.peers


@dataclass(frozen=True)
class HttpServer:
    """A server: its command for a port (0: it chooses and prints its URL), and a call with one result."""

    command: Callable[[Place, int], list[str]]
    path: str
    tool: str
    arguments: dict[str, str]


def _bridge(place: Place, port: int) -> list[str]:
    """A stdio server behind somebody else's HTTP front."""
    inner = shlex.join(SERVERS["typescript-2"].command(place))
    return [*peers.node("supergateway"), "--stdio", inner, "--outputTransport", "streamableHttp", "--port", str(port)]


SERVERS_HTTP = {
    "triptych-everything": HttpServer(
        lambda place, port: [sys.executable, "-m", "triptych.infra.conformance.everything"], "", "test_simple_text", {}
    ),
    "typescript-2": HttpServer(
        lambda place, port: [*node_program(place, "server2.mjs"), "http"], "", "echo", {"text": "hello"}
    ),
    "everything": HttpServer(
        lambda place, port: [*peers.node("mcp-server-everything"), "streamableHttp"], "/mcp", "echo", {"message": "hi"}
    ),
    "everything-sse": HttpServer(
        lambda place, port: [*peers.node("mcp-server-everything"), "sse"], "/sse", "echo", {"message": "hi"}
    ),
    "supergateway": HttpServer(_bridge, "/mcp", "echo", {"text": "hello"}),
}
# The deprecated pair of HTTP and SSE is spoken by the old client.
PAIRS = [(client, server) for client in CLIENTS for server in SERVERS_HTTP if server != "everything-sse"]
PAIRS += [("typescript-1", "everything-sse")]


@contextlib.contextmanager
def serving(server: HttpServer, place: Place) -> Iterator[str]:
    """URL of a started server."""
    if not server.path:
        with sides.started(server.command(place, 0)) as url:
            yield url
        return
    (port,) = free_ports(1)
    environment = {**os.environ, "PORT": str(port)}
    with running(server.command(place, port), log=place.files.with_name("server.log"), env=environment):
        _await(port)
        yield f"http://127.0.0.1:{port}{server.path}"


def _await(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def seen(client: str, place: Place, url: str, server: HttpServer) -> str:
    call = json.dumps({"name": server.tool, "arguments": server.arguments})
    done = subprocess.run(
        CLIENTS[client].command(place, url, call), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize(("client", "server"), PAIRS)
def test_a_pair_works_as_it_does_directly(client: str, server: str, place: Place) -> None:
    chosen = SERVERS_HTTP[server]
    with (
        serving(chosen, place) as direct,
        Wiretap(urlsplit(direct).port or 0) as back,
        sides.gateway(f"http://127.0.0.1:{back.port}") as gateway,
        Wiretap(urlsplit(gateway).port or 0) as front,
        ThreadPoolExecutor() as both,
    ):
        behind = f"http://127.0.0.1:{front.port}{urlsplit(direct).path}"
        said = list(both.map(lambda url: seen(client, place, url, chosen), (direct, behind)))
    assert said[0] == said[1]
    pairs = list(zip(front.exchanges(), back.exchanges(), strict=True))
    assert pairs
    assert [pair for pair in pairs if not same(*pair)] == []
