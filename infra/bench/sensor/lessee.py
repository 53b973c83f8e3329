"""The least a gateway must do to have a process watched: a lease, and one call in flight."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path

from ....producers.lease import READY, Attach, Begin, Granted, pack, parse
from ..errors import BenchError

__all__ = ["Lessee"]

_PATIENCE_S = 10.0


class Lessee:
    """Holds one lease until close()."""

    def __init__(self, path: Path, pid: int) -> None:
        """Raises BenchError when the sensor refuses."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_PATIENCE_S)
        self._socket.connect(str(path))
        self._attach(pid)
        self._socket.send(pack(Begin(str(uuid.uuid4()), uuid.uuid4().hex)))
        if self._socket.recv(16) != READY:
            raise BenchError("the sensor does not follow a call")

    def close(self) -> None:
        self._socket.close()

    def _attach(self, pid: int) -> None:
        process = os.pidfd_open(pid)
        try:
            socket.send_fds(self._socket, [pack(Attach("bench"))], [process])
        finally:
            os.close(process)
        answer = parse(self._socket.recv(4096))
        if not isinstance(answer, Granted):
            raise BenchError(f"the sensor refuses the lease: {answer}")
