"""The sensor's end of the lease: a SOCK_SEQPACKET socket on which gateways say which call is in flight.

A gateway is believed only about processes below itself, and one that runs as a user of `users` about other users'
processes too: the kernel names peer (SO_PEERCRED) and server (a pidfd), never the packet. A watched server and what it
forked hold no lease, and are handed out to nobody. A packet that is no
message costs its sender the connection and nobody else anything.
"""

from __future__ import annotations

import os
import socket
import struct
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...models.errors import ConfigError
from ...models.events import CallRef
from ...models.text import clean
from ..lease import PACKET, READY, Attach, Begin, End, Granted, LeaseError, Message, Refused, pack, parse
from . import processes

__all__ = ["Desk", "LeaseServer"]

_CREDENTIALS = struct.Struct("3i")
_MOST_PEERS = 1024
_MOST_DESCRIPTORS = 4
_BURST = 64


class Desk(Protocol):
    """Who keeps the book of calls. `root` is the host process id of a server."""

    def root_of(self, pid: int) -> int | None: ...

    def attach(self, root: int, server: str) -> Granted | Refused: ...

    def begin(self, root: int, call: CallRef, request: str, forwards_ns: int) -> None: ...

    def end(self, root: int, call_id: str) -> None: ...

    def detach(self, root: int) -> None: ...


@dataclass(slots=True)
class _Peer:
    socket: socket.socket
    pid: int
    user: int
    is_watched: bool  # when it connected, or when it asked
    root: int = 0


class LeaseServer:
    """Listens on `path`, whose folder is made for its owner only. `mode` is the socket's. `users` are those whose
    gateways may lease servers they did not start. Not thread-safe.

    The owner of the event loop calls accept() when `descriptor` is readable and serve() for each descriptor it gave.
    """

    def __init__(self, path: Path, desk: Desk, *, mode: int = 0o600, users: Collection[int] = ()) -> None:
        self._path = path
        self._desk = desk
        self._users = frozenset(users)
        self._peers: dict[int, _Peer] = {}
        self.refused: Counter[str] = Counter()
        self._listener = _listen(path, mode)
        self.descriptor = self._listener.fileno()

    @property
    def peers(self) -> int:
        return len(self._peers)

    def accept(self) -> int | None:
        """Descriptor of a new connection to watch."""
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return None
        if len(self._peers) >= _MOST_PEERS:
            self.refused["too-many-peers"] += 1
            connection.close()
            return None
        connection.setblocking(False)
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, user, _ = _CREDENTIALS.unpack(said)
        self._peers[connection.fileno()] = _Peer(connection, pid, user, self._desk.root_of(pid) is not None)
        return connection.fileno()

    def serve(self, descriptor: int) -> None:
        """Answer what waits on `descriptor`, at most 64 packets; a connection that ended takes its calls with it."""
        peer = self._peers.get(descriptor)
        for _ in range(_BURST):
            if peer is None or not self._serve_one(peer):
                return

    def close(self) -> None:
        """End all connections without a word to the desk, which ends with them."""
        for peer in self._peers.values():
            peer.socket.close()
        self._peers.clear()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _serve_one(self, peer: _Peer) -> bool:
        """Whether another packet may wait."""
        descriptors: list[int] = []
        try:
            packet, descriptors, _, _ = socket.recv_fds(peer.socket, PACKET, _MOST_DESCRIPTORS)
            if not packet:
                self._drop(peer)
                return False
            self._answer(peer, parse(packet), descriptors)
        except BlockingIOError:
            return False
        except LeaseError as error:
            self._refuse(peer, "malformed", error.what)
            return False
        except OSError:
            self._drop(peer)
            return False
        finally:
            for held in descriptors:
                os.close(held)
        return True

    def _answer(self, peer: _Peer, message: Message, descriptors: list[int]) -> None:
        match message:
            case Begin(call_id, correlation_id, forwards_ns, request) if peer.root:
                call = CallRef(call_id=call_id, correlation_id=correlation_id)
                self._desk.begin(peer.root, call, request, forwards_ns)
                peer.socket.send(READY)
            case End(call_id) if peer.root:
                self._desk.end(peer.root, call_id)
            case Attach(server, 1) if not peer.root:
                self._attach(peer, server, descriptors)
            case _:
                raise LeaseError(f"{type(message).__name__} does not belong here")

    def _attach(self, peer: _Peer, server: str, descriptors: list[int]) -> None:
        pid = processes.pid_of(descriptors[0]) if descriptors else None
        if pid is None:
            self._refuse(peer, "no-process", "attach needs a pidfd of a living server")
        elif not self._may_lease(peer, pid):
            self._refuse(peer, "not-a-child", "the server is no child of the process that asks (sensor.lease_users)")
        elif self._is_impostor(peer, pid):
            self._refuse(peer, "impostor", "a watched server can neither hold a lease nor lend its processes")
        elif any(other.root == pid for other in self._peers.values()):
            self._refuse(peer, "already-leased", "another connection holds the lease of this server")
        else:
            answer = self._desk.attach(pid, clean(str(server), 128))
            if isinstance(answer, Refused):
                self._refuse(peer, "desk", answer.reason)
                return
            peer.root = pid
            peer.socket.send(pack(answer))

    def _may_lease(self, peer: _Peer, pid: int) -> bool:
        """A server that ran as a user of `users` could ask in its gateway's place, so it must run as another."""
        if peer.pid <= 0 or pid == peer.pid:
            return False
        if processes.is_within(pid, peer.pid):
            return True
        return peer.user in self._users and processes.user(pid) not in self._users | {None}

    def _is_impostor(self, peer: _Peer, pid: int) -> bool:
        """A server may come back under its gateway; what is below it may not become a server of its own."""
        return peer.is_watched or self._desk.root_of(peer.pid) is not None or self._desk.root_of(pid) not in (None, pid)

    def _refuse(self, peer: _Peer, reason: str, words: str) -> None:
        self.refused[reason] += 1
        try:
            peer.socket.send(pack(Refused(words)))
        except OSError:
            self.refused["unreachable"] += 1
        self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        if self._peers.pop(peer.socket.fileno(), None) is None:
            return
        peer.socket.close()
        if peer.root:
            self._desk.detach(peer.root)


def _listen(path: Path, mode: int) -> socket.socket:
    """A listening socket at `path`; one that a dead sensor left is replaced, a living one is not."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        if path.is_socket():
            _replace_dead(path)
        previous = os.umask(0o177)  # between bind and chmod no one else may connect
        try:
            listener.bind(str(path))
        finally:
            os.umask(previous)
        path.chmod(mode)
        listener.listen(64)
        listener.setblocking(False)
    except (OSError, ConfigError) as error:
        listener.close()
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"cannot listen on {path}: {error.strerror or error}", "set sensor.lease_socket") from error
    return listener


def _replace_dead(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as trial:
        try:
            trial.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise ConfigError(f"another sensor serves {path}", "stop it, or set sensor.lease_socket")
