"""One kernel event as it may be published: cleaned, capped, redacted, with the digests other layers meet. Pure."""

from __future__ import annotations

from ...models.digest import Keyring
from ...models.events import ExecutionDetail, ExecutionEvent
from ...models.text import clean
from .decode import KernelEvent
from .hosts import host_name
from .redact import arguments
from .same import Same

__all__ = ["fact"]

_LONGEST_PATH = 1024
_LONGEST_COMM = 15
_NO_DETAIL = ExecutionDetail()


def fact(same: Same, calls: tuple[int, ...], keyring: Keyring) -> ExecutionEvent:
    """Equal events as one, tied to the calls at the indexes `calls` of its batch."""
    event, bound, peer = same.event, same.bound, same.event.peer
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
        path=None if event.path is None else _path(event.path),
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
        count=same.count,
        detail=_detail(same, keyring),
    )


def _detail(same: Same, keyring: Keyring) -> ExecutionDetail | None:
    event, proof = same.event, same.proof
    detail = ExecutionDetail(
        operation=event.operation,
        via=event.via,
        name=None if event.name is None else host_name(event.name, keyring),
        target_pid=event.target_pid,
        device=event.device,
        links=event.links,
        layer=event.layer,
        writable=proof.writable,
        sha256=proof.sha256,
        truncated=event.truncated,
        mapped=event.mapped,
        other_path=None if event.other_path is None else _path(event.other_path),
        received=event.received,
    )
    return None if detail == _NO_DETAIL else detail


def _path(path: bytes) -> str:
    return clean(path.decode("utf-8", "surrogateescape"), _LONGEST_PATH)


def _digests(event: KernelEvent, keyring: Keyring) -> tuple[str, ...]:
    """Of the path, of the name asked for, or of address and address:port: as the gateway digests declared arguments."""
    if event.path is not None:
        return (keyring.digest(event.path),)
    if event.kind == "dns":
        return () if event.name is None else (keyring.digest(event.name),)
    if event.peer is not None:
        return keyring.digest(event.peer.address), keyring.digest(f"{event.peer.address}:{event.peer.port}")
    return ()


def _exit_code(status: int) -> int:
    """The code a shell would show for a wait status: 128 + signal where a signal ended the process (wait(2))."""
    signal = status & 0x7F
    return 128 + signal if signal else status >> 8 & 0xFF
