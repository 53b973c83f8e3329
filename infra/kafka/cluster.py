"""Three real brokers on loopback, each of which may be killed, frozen and brought back: replication 3, two in sync."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from .server import Node, await_ready, nodes

__all__ = ["SIZE", "Cluster", "cluster"]

SIZE = 3


class Cluster:
    """Nodes by their index. `bootstrap` names them all, so that any of them may be away."""

    def __init__(self, members: Sequence[Node], reachable: Callable[[str], bool]) -> None:
        self._members = members
        self._reachable = reachable
        self._running: dict[int, tuple[subprocess.Popen[bytes], ExitStack]] = {}

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self._members)

    def start(self, *indexes: int) -> None:
        """Bring nodes up together, without waiting: alone a node has no quorum to wait for."""
        for index in indexes:
            stack = ExitStack()
            self._running[index] = stack.enter_context(self._members[index].serve()), stack

    def ready(self) -> None:
        """Wait until every node that runs answers. Raises BrokerError K12."""
        for index, (process, _) in self._running.items():
            await_ready(self._members[index], process, self._reachable)

    def kill(self, index: int) -> None:
        """End a node as a power cut does; its data stays."""
        process, stack = self._running.pop(index)
        process.kill()
        stack.close()

    def freeze(self, index: int) -> None:
        """Stop a node without closing anything: what is sent to it meanwhile lies in its sockets."""
        self._running[index][0].send_signal(signal.SIGSTOP)

    def thaw(self, index: int) -> None:
        """Let a frozen node go on: it believes what it knew before."""
        self._running[index][0].send_signal(signal.SIGCONT)

    def stop(self) -> None:
        for index in list(self._running):
            self.kill(index)


@contextlib.contextmanager
def cluster(partitions: int, reachable: Callable[[str], bool]) -> Iterator[Cluster]:
    """A cluster inside the block, all nodes up. Raises BrokerError K12, ProgramError."""
    with nodes(SIZE, partitions) as members:
        ours = Cluster(members, reachable)
        try:
            ours.start(*range(SIZE))
            ours.ready()
            yield ours
        finally:
            ours.stop()
