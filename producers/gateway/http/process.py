"""The process behind the upstream, where it runs on this machine: found, told to the sensor, found again after a
restart.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable

from .. import host
from ..facts.fields import ServerFields
from .address import Upstream, is_loopback
from .lease import AsyncLease
from .pool import ServerConnection
from .sockets import listening_process

__all__ = ["ServerProcess", "peer_credentials"]

_RETRY_S = 5.0
_UCRED = struct.Struct("3i")


class ServerProcess:
    """`changed` is called with workload and server facts whenever they are known anew."""

    def __init__(
        self,
        upstream: Upstream,
        lease: AsyncLease,
        server_id: str,
        workload: str,
        changed: Callable[[str, ServerFields], None],
    ) -> None:
        self._upstream, self._lease = upstream, lease
        self._id, self._workload = server_id, workload
        self._changed = changed
        self._pidfd, self._pid = -1, 0
        self._retry_at = 0.0
        self._lock = asyncio.Lock()

    async def settle(self, connection: ServerConnection | None = None) -> None:
        """Know the process, and hold a lease where there is a sensor, before a connection to it is used."""
        if not self._due():
            return
        async with self._lock:
            if not self._due():
                return
            if connection is not None:  # before the first one the server may be about to start
                self._retry_at = asyncio.get_running_loop().time() + _RETRY_S
            if self._pidfd < 0:
                await self._find(connection)
            elif self._lease.wanted:
                await self._attach()

    def close(self) -> None:
        self._lease.close()
        if self._pidfd >= 0:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _due(self) -> bool:
        if self._pidfd < 0:
            local = bool(self._upstream.socket) or is_loopback(self._upstream.host)
            return local and asyncio.get_running_loop().time() >= self._retry_at
        return self._lease.wanted

    async def _find(self, connection: ServerConnection | None) -> None:
        pid = await self._search(connection)
        try:
            self._pidfd, self._pid = (os.pidfd_open(pid), pid) if pid else (-1, 0)
        except OSError:
            return
        if self._pid:
            asyncio.get_running_loop().add_reader(self._pidfd, self._exited)
            await self._attach()

    async def _search(self, connection: ServerConnection | None) -> int | None:
        if not self._upstream.socket:
            return await asyncio.to_thread(listening_process, self._upstream.host, self._upstream.port)
        credentials = peer_credentials(connection.transport) if connection else None
        return credentials[0] if credentials else None

    async def _attach(self) -> None:
        """The sensor's word is the authority where it gives one."""
        pid = self._pid
        granted = await self._lease.attach(self._pidfd) if self._lease.wanted else None
        self._changed(
            granted.workload if granted else self._workload or host.workload_of(pid),
            {
                "id": self._id,
                "pid": pid,
                "start_ns": granted.start_ns if granted else host.start_ns(pid),
                "executable": host.executable(pid),
            },
        )

    def _exited(self) -> None:
        """The next connection finds its successor."""
        self.close()
        self._retry_at = 0.0


def peer_credentials(transport: asyncio.BaseTransport) -> tuple[int, int] | None:
    """Process and user at the other end of a unix socket."""
    end = transport.get_extra_info("socket")
    if end is None or end.family != socket.AF_UNIX:
        return None
    pid, uid, _ = _UCRED.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return (pid, uid) if pid > 0 else None
