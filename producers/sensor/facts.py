"""One kernel event as it may be published: cleaned, capped, redacted, with the digests other layers meet. Pure."""

from __future__ import annotations

from ...models.digest import Keyring
from ...models.events import ExecutionEvent
from ...models.text import clean
from .binding import Bound
from .decode import KernelEvent
from .redact import arguments

__all__ = ["fact"]

_LONGEST_PATH = 1024
_LONGEST_COMM = 15


def fact(event: KernelEvent, bound: Bound, calls: tuple[int, ...], keyring: Keyring, count: int = 1) -> ExecutionEvent:
    """`event`, standing for `count` equal ones, tied to the calls at the indexes `calls` of its batch."""
    peer = event.peer
    return ExecutionEvent(
        kind=event.kind,
        mono_ns=event.mono_ns,
        pid=event.pid,
        start_ns=event.start_ns,
        tid=event.tid,
        ppid=event.ppid,
        uid=event.uid,
        comm=clean(event.comm.decode("utf-8", "replace"), _LONGEST_COMM),
        calls=calls,
        binding=bound.binding,
        evidence=bound.evidence,
        path=None if event.path is None else clean(event.path.decode("utf-8", "surrogateescape"), _LONGEST_PATH),
        path_source=event.path_source,
        flags=event.open_flags,
        result=_exit_code(event.result) if event.kind == "exit" else event.result,
        inode=event.inode,
        address=peer.address if peer else None,
        port=peer.port if peer else None,
        local_port=(peer.local_port or None) if peer else None,
        protocol=peer.protocol if peer else None,
        bytes_out=event.bytes_out,
        bytes_in=event.bytes_in,
        arguments=arguments(event.arguments),
        digests=_digests(event, keyring),
        count=count,
    )


def _digests(event: KernelEvent, keyring: Keyring) -> tuple[str, ...]:
    """Of the path, or of address and address:port, as the gateway digests those forms of a declared argument."""
    if event.path is not None:
        return (keyring.digest(event.path),)
    if event.peer is not None:
        return keyring.digest(event.peer.address), keyring.digest(f"{event.peer.address}:{event.peer.port}")
    return ()


def _exit_code(status: int) -> int:
    """The code a shell would show for a wait status: 128 + signal where a signal ended the process (wait(2))."""
    signal = status & 0x7F
    return 128 + signal if signal else status >> 8 & 0xFF
