"""Puts together the way on which messages may be refused, held back or spread over replicas. Loaded only for that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import host
from ..policy.pins import PinFile
from ..policy.policy import Policy
from .guard import Guard
from .lane import Lane
from .member import Member
from .router import Router

if TYPE_CHECKING:
    from ..config import GatewayConfig
    from ..observer.observe import Message
    from ..policy.config import PolicyConfig
    from .server import Server, Servers

__all__ = ["lane"]


def lane(config: GatewayConfig, servers: Servers, wakeup: int) -> Lane:
    """Between this process's stdin and stdout and as many processes of the server as its dispatch needs.

    Raises StartError where the first cannot be started, PinError where the pins cannot be read.
    """
    members = config.replicas if config.dispatch_mode == "replica" else 1
    running = _Running(servers)
    return Lane(
        (0, 1),
        wakeup,
        running.start,
        router=Router(config.dispatch_mode, members, config.inspect_bytes),
        guard=running.guard(config.policy, config.inspect_bytes) if config.policy.forbids else None,
        bound=config.inspect_bytes,
        alone=config.dispatch_mode != "replica",
        monotonic_ns=time.monotonic_ns,
    )


class _Running:
    """The processes; what never reached one is told as of the first."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._first: Server

    def start(self, number: int, heard: Callable[[Message], None]) -> Member:
        server = self._servers.start(heard)
        if number == 0:
            self._first = server
        return Member(number, server.child, server.session, server.describer)

    def guard(self, config: PolicyConfig, bound: int) -> Guard:
        named = self._servers.redactor.named
        if config.pins is None:
            policy = Policy(config, named=named)
        else:
            file = PinFile(config.pins)
            policy = Policy(config, file.pins, named=named, renewed=file.renewed)
        return Guard(
            policy,
            aside=lambda: self._servers.aside(self._first),
            bound=bound,
            now=host.now,
            tell=self._tell,
        )

    def _tell(self, messages: list[Message]) -> None:
        self._first.session.describe(messages)
