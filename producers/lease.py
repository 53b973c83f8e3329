"""The messages between a gateway and the node's sensor, one per SOCK_SEQPACKET packet.

attach (with a pidfd of the server in SCM_RIGHTS) -> granted | refused; begin -> ready; end has no answer. A begin is
answered only once the kernel stamps events with the call, so the gateway may forward the request after it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import orjson

from ..models.errors import TriptychError

__all__ = [
    "PACKET",
    "READY",
    "Attach",
    "Begin",
    "End",
    "Granted",
    "LeaseError",
    "Refused",
    "pack",
    "pack_begin",
    "parse",
    "request_text",
]

READY = b"R"
PACKET = 4096
_CALL = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST_REQUEST = 256
_LARGEST_REQUEST = 10**20
_REQUEST = re.compile(rb'-?[0-9]{1,20}|"[^\x00-\x1f\x7f]{0,%d}"' % (_LONGEST_REQUEST - 2))
_BEGIN = re.compile(rb"(%b)([0-9a-f]{32})([0-9a-f]{16})(%b)?" % (_CALL.pattern, _REQUEST.pattern))


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
    forwards_ns: int = 0  # CLOCK_MONOTONIC: when the gateway waits no longer for the answer; 0 for never
    request: str = ""  # request_text of its JSON-RPC id, by which the server itself may mark what it does


@dataclass(frozen=True, slots=True)
class End:
    call_id: str


Message = Attach | Granted | Refused | Begin | End


def pack_begin(call_id: str, correlation_id: str, forwards_ns: int, request: str) -> bytes:
    """Bytes of a Begin with these fields: it is on the way of every call."""
    return f"B{call_id}{correlation_id}{forwards_ns:016x}{request}".encode()


def pack(message: Message) -> bytes:
    """Bytes of a message."""
    match message:
        case Begin(call_id, correlation_id, forwards_ns, request):
            return pack_begin(call_id, correlation_id, forwards_ns, request)
        case End(call_id):
            return b"E" + call_id.encode()
        case Attach(server, version):
            return b"A" + orjson.dumps({"server": server, "version": version})
        case Granted(workload, pid, start_ns):
            return b"G" + orjson.dumps({"workload": workload, "pid": pid, "start_ns": start_ns})
        case Refused(reason):
            return b"X" + orjson.dumps({"reason": reason})


def request_text(identifier: object) -> str:
    """A JSON-RPC id as JSON text; empty for one that no begin carries: too long, or neither a string nor a number."""
    if type(identifier) is int:
        return str(identifier) if -_LARGEST_REQUEST < identifier < _LARGEST_REQUEST else ""
    if not isinstance(identifier, str) or len(identifier) > _LONGEST_REQUEST:
        return ""
    if identifier.isascii() and identifier.isprintable() and '"' not in identifier and "\\" not in identifier:
        return f'"{identifier}"' if len(identifier) <= _LONGEST_REQUEST - 2 else ""
    text = json.dumps(identifier, ensure_ascii=False)
    try:
        return text if _REQUEST.fullmatch(text.encode()) else ""
    except UnicodeEncodeError:  # half of a surrogate pair
        return ""


def parse(data: bytes) -> Message:
    """The message in a packet. Raises LeaseError, whatever the bytes are."""
    kind, body = data[:1], data[1:]
    try:
        if kind == b"B" and (begin := _BEGIN.fullmatch(body)):
            return Begin(begin[1].decode(), begin[2].decode(), int(begin[3], 16), (begin[4] or b"").decode())
        if kind == b"E" and _CALL.fullmatch(body):
            return End(body.decode())
        if kind in _JSON:
            return _JSON[kind](**orjson.loads(body))
    except (ValueError, TypeError) as error:
        raise LeaseError(f"unreadable lease message of kind {kind!r}") from error
    raise LeaseError(f"no lease message starts with {kind!r} and has {len(data)} bytes")


_JSON: dict[bytes, type[Attach] | type[Granted] | type[Refused]] = {b"A": Attach, b"G": Granted, b"X": Refused}
