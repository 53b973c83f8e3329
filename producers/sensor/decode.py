"""Bytes of the kernel half to kernel events. Pure; the layouts are those of bpf/events.h.

Nothing is interpreted here: paths and arguments stay the bytes the kernel gave, calls stay epochs.
"""

from __future__ import annotations

import ipaddress
import os
import posixpath
from dataclasses import dataclass
from typing import NamedTuple

from ...models.errors import TriptychError
from ...models.events import EntryPath, ExecutionKind, FileLayer, PathSource
from .dns import question
from .layouts import (
    BORN_FOSTERED,
    ENDPOINT,
    FILE_KEY,
    FILE_SUM,
    FLAGS,
    FLOW,
    FLOW_KEY,
    HEAD,
    KINDS,
    LAYERS,
    LOSS,
    MEMBER,
    OPERATIONS,
    ROOT,
    VIAS,
)

__all__ = [
    "FILE_KEY",
    "FILE_SUM",
    "FLOW",
    "FLOW_KEY",
    "HEAD",
    "LONG",
    "LOSS",
    "MEMBER",
    "ROOT",
    "DecodeError",
    "Endpoint",
    "KernelEvent",
    "decode",
    "decode_file",
    "decode_flow",
]

_TICK = 10_000_000  # /proc/PID/stat counts starts in ticks of 1/100 s (USER_HZ): the same process, the same number
_AF_INET = 2
LONG = (1 << 63) - 1  # flags and lengths are the caller's word, and events carry signed numbers
_PROTOCOLS = {6: "tcp", 17: "udp"}
_WITH_FILE = frozenset({"exec", "open", "io", "descriptor", "escape", "change"})
_WITH_PEER = frozenset({"connect", "accept", "listen", "dns"})
_WITH_WORD = frozenset({"open", "escape", "change"})
_NAMELESS = frozenset({b"\0", b"/\0"})  # pipes, sockets, namespaces: in no directory, and without a name of their own
_MEMORY_FILE = b"/memfd:"


class DecodeError(TriptychError):
    """A ring record that no program of this version writes."""

    code = "S10"


class Endpoint(NamedTuple):
    """The remote end of a connection, and the local port."""

    address: str
    port: int
    local_port: int
    protocol: str


@dataclass(slots=True, kw_only=True)  # frozen, setting its fields would take half of the time an event takes
class KernelEvent:
    """One fact as the kernel half reported it. Times are CLOCK_MONOTONIC nanoseconds, `start_ns` since boot."""

    kind: ExecutionKind
    mono_ns: int
    pid: int
    start_ns: int
    root: int
    epoch: int
    born: int
    mark: int = 0  # what the thread said it works for; 0 for nothing
    alone: bool = False  # forked under a call, and nothing came to it by pipe or socket since
    fostered: bool = False  # forked by a process that may have served later calls: only its fork tells for which
    tid: int = 0
    ppid: int = 0
    uid: int = 0
    comm: bytes = b""
    result: int = 0  # of the system call; exit: status; fork: child
    inode: int = 0
    device: int = 0  # as stat(2) numbers it; 0 when unknown
    links: int = -1  # -1 when unknown
    layer: FileLayer = "unknown"
    open_flags: int = 0  # of an open; of an escape or change the argument that tells most
    path: bytes | None = None
    path_source: PathSource = "none"
    other_path: bytes | None = None  # what a rename, link or symlink starts from, in the caller's words
    truncated: bool = False
    arguments: tuple[bytes, ...] = ()
    peer: Endpoint | None = None  # of a listen the local address
    name: bytes | None = None  # of a dns
    operation: str = ""  # of an escape or change its system call; of a descriptor file or socket
    received: bool = False  # of a descriptor: it came in
    via: EntryPath = "unknown"
    target_pid: int = 0
    bytes_out: int = 0  # sent or written
    bytes_in: int = 0  # received or read
    mapped: int = 0  # bytes of a file that were mapped into memory


def decode(record: bytes) -> KernelEvent:
    """The event in one ring record. Raises DecodeError, whatever the bytes are."""
    if len(record) < HEAD.size:
        raise DecodeError(f"a ring record has {len(record)} bytes, its head alone {HEAD.size}")
    (size, number, flags, mono, tgid, tid, ppid, uid, root, device, start, epoch, born, mark, result, argument, inode,
     links, target, operation, via, layer, _, comm) = HEAD.unpack_from(record)  # fmt: skip
    kind = KINDS.get(number)
    if kind is None or not HEAD.size <= size <= len(record):
        raise DecodeError(f"a ring record of kind {number} claims {size} of {len(record)} bytes")
    payload = record[HEAD.size : size]
    text = _texts(kind, flags, payload, argument, target)
    of_file = kind in _WITH_FILE and inode != 0
    return KernelEvent(
        kind=kind,
        mono_ns=mono,
        pid=tgid,
        start_ns=start - start % _TICK,
        root=root,
        epoch=epoch,
        born=born & ~BORN_FOSTERED,
        mark=mark,
        alone=bool(flags & FLAGS["alone"]),
        fostered=bool(born & BORN_FOSTERED),
        tid=tid,
        ppid=ppid,
        uid=_signed(uid),
        comm=comm.split(b"\0", 1)[0],
        result=result,
        inode=inode & LONG,
        device=_device(device),
        links=links if of_file else -1,
        layer=_layer(LAYERS.get(layer, "unknown"), links, text.path) if of_file else "unknown",
        open_flags=argument & LONG if kind in _WITH_WORD else 0,
        path=text.path,
        path_source=text.source,
        other_path=text.other,
        truncated=bool(flags & FLAGS["truncated"]),
        arguments=text.arguments,
        peer=_endpoint(*_peer(payload)) if kind in _WITH_PEER else None,
        name=_name(payload) if kind == "dns" else None,
        operation=_operation(kind, flags, operation),
        received=bool(flags & FLAGS["received"]),
        via=VIAS.get(via, "unknown"),
        target_pid=target if kind == "escape" else 0,
    )


def decode_flow(key: bytes, value: bytes) -> KernelEvent:
    """One entry of the flow table as an event; its bytes are the table's running totals."""
    tgid, root, epoch, born, mark, family, protocol, local_port, port, address = FLOW_KEY.unpack(key)
    sent, received, last, start, ppid, uid, comm = FLOW.unpack(value)
    return KernelEvent(
        kind="flow",
        mono_ns=last,
        pid=tgid,
        start_ns=start - start % _TICK,
        root=root,
        epoch=epoch,
        born=born & ~BORN_FOSTERED,
        mark=mark,
        fostered=bool(born & BORN_FOSTERED),
        ppid=ppid,
        uid=_signed(uid),
        comm=comm.split(b"\0", 1)[0],
        peer=_endpoint(family, protocol, local_port, port, address),
        bytes_out=sent & LONG,
        bytes_in=received & LONG,
    )


def decode_file(key: bytes, value: bytes) -> KernelEvent:
    """One entry of the table of files as an `io`; its bytes are running totals, its path came with the ring's `io`."""
    tgid, root, epoch, born, mark, inode, device, _ = FILE_KEY.unpack(key)
    read, written, mapped, last, start, ppid, uid, comm = FILE_SUM.unpack(value)
    return KernelEvent(
        kind="io",
        mono_ns=last,
        pid=tgid,
        start_ns=start - start % _TICK,
        root=root,
        epoch=epoch,
        born=born & ~BORN_FOSTERED,
        mark=mark,
        fostered=bool(born & BORN_FOSTERED),
        ppid=ppid,
        uid=_signed(uid),
        comm=comm.split(b"\0", 1)[0],
        inode=inode & LONG,
        device=_device(device),
        bytes_out=written & LONG,
        bytes_in=read & LONG,
        mapped=mapped & LONG,
    )


def _signed(uid: int) -> int:
    return uid - (1 << 32) if uid >> 31 else uid


def _device(number: int) -> int:
    """The kernel's own number of a device (12 bits major, 20 minor) as stat(2) gives it."""
    return os.makedev(number >> 20, number & 0xFFFFF)


def _layer(layer: FileLayer, links: int, path: bytes | None) -> FileLayer:
    if links:
        return layer
    return "memory" if path and path.startswith(_MEMORY_FILE) else "deleted"


def _operation(kind: ExecutionKind, flags: int, number: int) -> str:
    if kind == "descriptor":
        return "socket" if flags & FLAGS["socket"] else "file"
    return OPERATIONS.get(number, "") if kind in _WITH_WORD else ""


class _Texts(NamedTuple):
    path: bytes | None = None
    source: PathSource = "none"
    arguments: tuple[bytes, ...] = ()
    other: bytes | None = None


def _texts(kind: ExecutionKind, flags: int, payload: bytes, argument: int, other: int) -> _Texts:
    """The texts in a payload; their places are told in bpf/events.h."""
    if kind not in _WITH_FILE:
        return _Texts()
    if kind == "exec":
        argv = payload[:argument].rstrip(b"\0")
        return _Texts(_resolved(payload[argument:]), "kernel", tuple(argv.split(b"\0")) if argv else ())
    if flags & FLAGS["resolved"]:
        return _Texts() if payload in _NAMELESS else _Texts(_resolved(payload), "kernel")
    first = payload[:other].rstrip(b"\0") or None if kind == "change" else None
    name, _, base = payload[other if kind == "change" else 0 :].partition(b"\0")
    if not name:
        return _Texts(other=first)
    path = posixpath.join(_resolved(base), name) if flags & FLAGS["relative"] else name
    return _Texts(posixpath.normpath(path), "argument", other=first)


def _resolved(components: bytes) -> bytes:
    """Components from leaf to root, each ended by NUL, as a path."""
    parts = components.split(b"\0")
    parts.reverse()
    return b"/" + b"/".join(parts).lstrip(b"/")


def _peer(payload: bytes) -> tuple[int, int, int, int, bytes]:
    if len(payload) < ENDPOINT.size:
        raise DecodeError(f"an endpoint has {ENDPOINT.size} bytes, not {len(payload)}")
    family, protocol, local_port, port, address = ENDPOINT.unpack_from(payload)
    return family, protocol, local_port, port, address


def _name(payload: bytes) -> bytes | None:
    protocol = ENDPOINT.unpack_from(payload)[1]
    return question(payload[ENDPOINT.size :], over_tcp=_PROTOCOLS.get(protocol) == "tcp")


def _endpoint(family: int, protocol: int, local_port: int, port: int, address: bytes) -> Endpoint:
    """An IPv4 address mapped into IPv6 is given as the IPv4 address it is."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    if family == _AF_INET:
        ip = ipaddress.IPv4Address(address[:4])
    else:
        six = ipaddress.IPv6Address(address)
        ip = six.ipv4_mapped or six
    return Endpoint(str(ip), port, local_port, _PROTOCOLS.get(protocol, str(protocol)))
