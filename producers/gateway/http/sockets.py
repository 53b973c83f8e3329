"""Which process holds a TCP socket of this machine, from /proc/net/tcp and /proc/PID/fd. Slow: never on the loop."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .. import host

__all__ = ["listening_process", "process_of"]

_PROC = Path("/proc")
_ESTABLISHED, _LISTEN = "01", "0A"


def listening_process(address: str, port: int) -> int | None:
    """The process that listens there; of several that share the socket the oldest, which started the others."""
    places = _addresses(address)
    wild = {ipaddress.ip_address("0.0.0.0"), ipaddress.ip_address("::")}  # noqa: S104
    for local, _, state, inode in _table():
        if state == _LISTEN and local[1] == port and (local[0] in places or local[0] in wild):
            return _holder(inode)
    return None


def process_of(ours: tuple[str, int], theirs: tuple[str, int]) -> int | None:
    """The process at the other end of a connection between two sockets of this machine."""
    for local, remote, state, inode in _table():
        if state == _ESTABLISHED and local == _place(*theirs) and remote == _place(*ours):
            return _holder(inode)
    return None


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Place = tuple[Address, int]


def _table() -> Iterator[tuple[Place, Place, str, int]]:
    """Local end, remote end, state and inode of every TCP socket in our network namespace."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "self/net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            parts = line.split()
            yield _end(parts[1]), _end(parts[2]), parts[3], int(parts[9])


def _end(text: str) -> Place:
    """`0100007F:1F90`: 32-bit words in the machine's byte order, and a port."""
    digits, _, port = text.partition(":")
    words = bytes.fromhex(digits)
    packed = b"".join(int.from_bytes(words[at : at + 4]).to_bytes(4, "little") for at in range(0, len(words), 4))
    return _plain(ipaddress.ip_address(packed)), int(port, 16)


def _place(address: str, port: int) -> Place:
    return _plain(ipaddress.ip_address(address)), port


def _plain(address: Address) -> Address:
    """IPv4 also where an IPv6 socket carries it."""
    return getattr(address, "ipv4_mapped", None) or address


def _addresses(name: str) -> set[Address]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {_plain(ipaddress.ip_address(str(one[4][0]))) for one in found}


def _holder(inode: int) -> int | None:
    """The oldest process with this socket among those we may look at."""
    wanted = f"socket:[{inode}]"
    holders = [pid for pid in _pids() if wanted in _links(pid)]
    return min(holders, key=host.start_ns, default=None)


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]


def _links(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for entry in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):  # closed since it was listed
                yield str(entry.readlink())
