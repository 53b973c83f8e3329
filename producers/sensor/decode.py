"""Bytes of the kernel half to kernel events. Pure; the layouts are those of bpf/events.h.

Nothing is interpreted here: paths and arguments stay the bytes the kernel gave, calls stay epochs.
"""

from __future__ import annotations

import ipaddress
import posixpath
import struct
from dataclasses import dataclass
from typing import NamedTuple

from ...models.errors import TriptychError
from ...models.events import ExecutionKind, PathSource

__all__ = [
    "FLOW",
    "FLOW_KEY",
    "HEAD",
    "LAYOUTS",
    "LOSS",
    "MEMBER",
    "ROOT",
    "DecodeError",
    "Endpoint",
    "KernelEvent",
    "decode",
    "decode_flow",
]

HEAD = struct.Struct("<IHHQ6I3QqQQ16s")
ENDPOINT = struct.Struct("<4H16s")
MEMBER = struct.Struct("<IIQ")
ROOT = struct.Struct("<QQ")
LOSS = struct.Struct("<3Q")
FLOW_KEY = struct.Struct("<IIQQ4H16s")
FLOW = struct.Struct("<4QII16s")

LAYOUTS = {
    "event": HEAD,
    "endpoint": ENDPOINT,
    "member": MEMBER,
    "root": ROOT,
    "loss": LOSS,
    "flow_key": FLOW_KEY,
    "flow": FLOW,
}

_RESOLVED, _RELATIVE = 2, 4
_KINDS: dict[int, ExecutionKind] = {1: "exec", 2: "fork", 3: "exit", 4: "open", 5: "connect"}
_TICK = 10_000_000  # /proc/PID/stat counts starts in ticks of 1/100 s (USER_HZ): the same process, the same number
_AF_INET = 2
_LONG = (1 << 63) - 1  # flags are the caller's word, and events carry signed numbers
_PROTOCOLS = {6: "tcp", 17: "udp"}


class DecodeError(TriptychError):
    """A ring record that no program of this version writes."""

    code = "S10"


class Endpoint(NamedTuple):
    """The remote end of a connection, and the local port."""

    address: str
    port: int
    local_port: int
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelEvent:
    """One fact as the kernel half reported it. Times are CLOCK_MONOTONIC nanoseconds, `start_ns` since boot."""

    kind: ExecutionKind
    mono_ns: int
    pid: int
    start_ns: int
    root: int
    epoch: int
    born: int
    tid: int = 0
    ppid: int = 0
    uid: int = 0
    comm: bytes = b""
    result: int = 0
    inode: int = 0
    open_flags: int = 0
    path: bytes | None = None
    path_source: PathSource = "none"
    arguments: tuple[bytes, ...] = ()
    peer: Endpoint | None = None
    bytes_out: int = 0
    bytes_in: int = 0


def decode(record: bytes) -> KernelEvent:
    """The event in one ring record. Raises DecodeError, whatever the bytes are."""
    if len(record) < HEAD.size:
        raise DecodeError(f"a ring record has {len(record)} bytes, its head alone {HEAD.size}")
    (size, number, flags, mono, tgid, tid, ppid, uid, root, _, start, epoch, born, result, argument, inode, comm) = (
        HEAD.unpack_from(record)
    )
    kind = _KINDS.get(number)
    if kind is None or not HEAD.size <= size <= len(record):
        raise DecodeError(f"a ring record of kind {number} claims {size} of {len(record)} bytes")
    payload = record[HEAD.size : size]
    path, source, arguments = _texts(kind, flags, payload, argument)
    return KernelEvent(
        kind=kind,
        mono_ns=mono,
        pid=tgid,
        start_ns=start - start % _TICK,
        root=root,
        epoch=epoch,
        born=born,
        tid=tid,
        ppid=ppid,
        uid=_signed(uid),
        comm=comm.split(b"\0", 1)[0],
        result=result,
        inode=inode & _LONG,
        open_flags=argument & _LONG if kind == "open" else 0,
        path=path,
        path_source=source,
        arguments=arguments,
        peer=_endpoint(*_peer(payload)) if kind == "connect" else None,
    )


def decode_flow(key: bytes, value: bytes) -> KernelEvent:
    """One entry of the flow table as an event; its bytes are the table's running totals."""
    tgid, root, epoch, born, family, protocol, local_port, port, address = FLOW_KEY.unpack(key)
    sent, received, last, start, ppid, uid, comm = FLOW.unpack(value)
    return KernelEvent(
        kind="flow",
        mono_ns=last,
        pid=tgid,
        start_ns=start - start % _TICK,
        root=root,
        epoch=epoch,
        born=born,
        ppid=ppid,
        uid=_signed(uid),
        comm=comm.split(b"\0", 1)[0],
        peer=_endpoint(family, protocol, local_port, port, address),
        bytes_out=sent,
        bytes_in=received,
    )


def _signed(uid: int) -> int:
    return uid - (1 << 32) if uid >> 31 else uid


def _texts(
    kind: ExecutionKind, flags: int, payload: bytes, argument: int
) -> tuple[bytes | None, PathSource, tuple[bytes, ...]]:
    """Path, its source, and argv."""
    if kind == "exec":
        argv = payload[:argument].rstrip(b"\0")
        return _resolved(payload[argument:]), "kernel", tuple(argv.split(b"\0")) if argv else ()
    if kind != "open":
        return None, "none", ()
    if flags & _RESOLVED:
        return _resolved(payload), "kernel", ()
    name, _, base = payload.partition(b"\0")
    if not name:
        return None, "none", ()
    return posixpath.normpath(posixpath.join(_resolved(base), name) if flags & _RELATIVE else name), "argument", ()


def _resolved(components: bytes) -> bytes:
    """Components from leaf to root, each ended by NUL, as a path."""
    return b"/" + b"/".join(reversed([part for part in components.split(b"\0") if part]))


def _peer(payload: bytes) -> tuple[int, int, int, int, bytes]:
    if len(payload) < ENDPOINT.size:
        raise DecodeError(f"an endpoint has {ENDPOINT.size} bytes, not {len(payload)}")
    family, protocol, local_port, port, address = ENDPOINT.unpack_from(payload)
    return family, protocol, local_port, port, address


def _endpoint(family: int, protocol: int, local_port: int, port: int, address: bytes) -> Endpoint:
    """An IPv4 address mapped into IPv6 is given as the IPv4 address it is."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    if family == _AF_INET:
        ip = ipaddress.IPv4Address(address[:4])
    else:
        six = ipaddress.IPv6Address(address)
        ip = six.ipv4_mapped or six
    return Endpoint(str(ip), port, local_port, _PROTOCOLS.get(protocol, str(protocol)))
