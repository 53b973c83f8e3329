"""Who takes part over stdio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from .contender import AGAIN, DIRECT, LEASED, OURS, PUMP, PURE, Contender
from .peers import Peers
from .place import Place, module
from .stdio_client import stdio_client

__all__ = ["contenders"]

_PEERS = 0.05  # of the calls takes them as long as all of them takes us


def contenders(place: Place, peers: Peers, upstream: int, *, sensor: bool) -> list[Contender]:
    """Direct stands twice: the second time shows what is noise. `upstream` is the port of an HTTP echo server."""

    def one(name: str, argv: Sequence[str], *, peer: bool = False) -> Contender:
        log = place.log(f"stdio {name}")
        share = _PEERS if peer else 1.0
        return Contender(name=name, open=partial(stdio_client, argv, log), log=log, peer=peer, share=share)

    echo = module("echo_stdio")
    found = [
        one(DIRECT, echo),
        one(PUMP, module("pump_stdio", *echo)),
        one(OURS, place.stdio_gateway(*echo)),
        *([one(PURE, replace(place, build=None).stdio_gateway(*echo))] if place.build else ()),
        one(AGAIN, echo),
        *(one(name, peers.stdio(name, upstream), peer=True) for name in peers.names),
    ]
    return [*found, one(LEASED, place.stdio_gateway(*echo, lease=True))] if sensor else found
