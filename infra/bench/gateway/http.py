"""Who takes part over HTTP, all in front of one echo server that runs as long as the benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...ports import free_ports
from ...process import running
from .client import Killable
from .contender import AGAIN, DIRECT, LEASED, OURS, PUMP, Contender
from .http_client import HttpClient
from .peers import FASTMCP, MCP_PROXY, Peers
from .place import Place, module

__all__ = ["Upstream", "contenders", "upstream"]

# Of the calls: the second needs 30 ms for each.
_SHARES = {MCP_PROXY: 0.05, FASTMCP: 0.005}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The echo server: its port and process."""

    port: int
    process: Killable
    pid: int


@contextmanager
def upstream(log: Path) -> Iterator[Upstream]:
    """Start it, and wait until it answers."""
    (port,) = free_ports(1)
    began = time.perf_counter_ns()
    with running(module("echo_http", port), log=log) as process:
        HttpClient(port, process, began, process.pid).close()
        yield Upstream(port=port, process=process, pid=process.pid)


def contenders(place: Place, peers: Peers, server: Upstream, *, sensor: bool) -> list[Contender]:
    """Direct stands twice: the second time shows what is noise."""

    def one(name: str, argv: Callable[[int], Sequence[str]], *, peer: bool = False) -> Contender:
        log = place.log(f"http {name}")
        share = _SHARES[name] if peer else 1.0
        return Contender(name=name, open=partial(_listening, argv, log), log=log, peer=peer, share=share)

    def direct(name: str) -> Contender:
        return Contender(name=name, open=partial(_direct, server), log=place.log("upstream"))

    def ours(port: int) -> list[str]:
        return place.http_gateway(port, server.port)

    found = [
        direct(DIRECT),
        one(PUMP, lambda port: module("pump_http", port, server.port)),
        one(OURS, ours),
        direct(AGAIN),
        *(one(name, partial(peers.http, name, server.port), peer=True) for name in peers.names),
    ]
    return [*found, one(LEASED, ours)] if sensor else found


@contextmanager
def _listening(argv: Callable[[int], Sequence[str]], log: Path) -> Iterator[HttpClient]:
    """A contender with a port of its own for one turn."""
    (port,) = free_ports(1)
    began = time.perf_counter_ns()
    with running(argv(port), log=log) as process, closing(HttpClient(port, process, began, process.pid)) as client:
        yield client


@contextmanager
def _direct(server: Upstream) -> Iterator[HttpClient]:
    with closing(HttpClient(server.port, server.process, time.perf_counter_ns(), server.pid)) as client:
        yield client
