"""The messages between a gateway and the node's sensor, one per SOCK_SEQPACKET packet.

attach (with a pidfd of the server in SCM_RIGHTS) -> granted | refused; begin -> ready; end has no answer. A begin is
answered only once the kernel stamps events with the call, so the gateway may forward the request after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from ..models.errors import TriptychError

__all__ = ["READY", "Attach", "Begin", "End", "Granted", "LeaseError", "Refused", "pack", "parse"]

READY = b"R"
PACKET = 4096
_CALL = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BEGIN = re.compile(rb"(%b)([0-9a-f]{32})" % _CALL.pattern)


class LeaseError(TriptychError):
    """A packet that is no message of this protocol."""

    code = "L01"


@dataclass(frozen=True, slots=True)
class Attach:
    server: str  # the operator's name of the server
    version: int = 1


@dataclass(frozen=True, slots=True)
class Granted:
    workload: str  # the sensor's word is the authority: it sees host pids, container and pod
    pid: int  # host pid of the server
    start_ns: int


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str


@dataclass(frozen=True, slots=True)
class Begin:
    call_id: str  # a UUID in lower case
    correlation_id: str  # 32 hex digits in lower case


@dataclass(frozen=True, slots=True)
class End:
    call_id: str


Message = Attach | Granted | Refused | Begin | End


def pack(message: Message) -> bytes:
    """Bytes of a message. begin and end are fixed-width: they are on the way of every call."""
    match message:
        case Begin(call_id, correlation_id):
            return b"B" + call_id.encode() + correlation_id.encode()
        case End(call_id):
            return b"E" + call_id.encode()
        case Attach(server, version):
            return b"A" + orjson.dumps({"server": server, "version": version})
        case Granted(workload, pid, start_ns):
            return b"G" + orjson.dumps({"workload": workload, "pid": pid, "start_ns": start_ns})
        case Refused(reason):
            return b"X" + orjson.dumps({"reason": reason})


def parse(data: bytes) -> Message:
    """The message in a packet. Raises LeaseError, whatever the bytes are."""
    kind, body = data[:1], data[1:]
    try:
        if kind == b"B" and (begin := _BEGIN.fullmatch(body)):
            return Begin(begin[1].decode(), begin[2].decode())
        if kind == b"E" and _CALL.fullmatch(body):
            return End(body.decode())
        if kind in _JSON:
            return _JSON[kind](**orjson.loads(body))
    except (ValueError, TypeError) as error:
        raise LeaseError(f"unreadable lease message of kind {kind!r}") from error
    raise LeaseError(f"no lease message starts with {kind!r} and has {len(data)} bytes")


_JSON: dict[bytes, type[Attach] | type[Granted] | type[Refused]] = {b"A": Attach, b"G": Granted, b"X": Refused}
