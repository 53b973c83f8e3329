"""Kernel events without what differs from run to run: times, process ids, descriptors, places on a disk. Pure."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable
from pathlib import Path

from ...producers.sensor.decode import HEAD, Endpoint, KernelEvent, decode, decode_file, decode_flow
from ...producers.sensor.layouts import KINDS

__all__ = ["Head", "alike", "normalised"]

# Members of struct event in bpf/events.h, in its order.
Head = namedtuple(
    "Head",
    "size kind flags mono_ns tgid tid ppid uid root device start_ns epoch born mark result argument inode links target"
    " operation via layer reserved comm",
)


def alike(records: Iterable[bytes]) -> list[bytes]:
    """Records to compare two runs by, every byte: times zeroed, process ids and inodes in order of appearance."""
    seen: dict[tuple[str, int], int] = {}

    def ordinal(space: str, number: int) -> int:
        return seen.setdefault((space, number), len(seen) + 1) if number else 0

    return [_alike(record, ordinal) for record in records]


def _alike(record: bytes, ordinal: Callable[[str, int], int]) -> bytes:
    head = Head._make(HEAD.unpack_from(record))
    kind = KINDS[head.kind]
    same = head._replace(
        mono_ns=0,
        start_ns=0,
        **{name: ordinal("process", getattr(head, name)) for name in ("tgid", "tid", "ppid", "root")},
        inode=ordinal("inode", head.inode),
        result=ordinal("process", head.result) if kind == "fork" else head.result,
        target=ordinal("process", head.target) if kind == "escape" else head.target,
    )
    return HEAD.pack(*same) + record[HEAD.size :]


def normalised(
    records: Iterable[bytes],
    flows: Iterable[tuple[bytes, bytes]],
    files: Iterable[tuple[bytes, bytes]],
    folder: Path,
) -> list[str]:
    """One line for each event, sorted. `folder`, of the run, is written as ~ where a path begins with it.

    A file's sum carries no path: it is found by its inode among the events that have one.
    """
    home = bytes(folder)
    events = [decode(record) for record in records]
    paths = {(event.device, event.inode): event.path for event in events if event.inode and event.path}
    lines = [_line(event, event.path, home) for event in events]
    lines += [_line(event, None, home) for event in (decode_flow(*entry) for entry in flows)]
    sums = (decode_file(*entry) for entry in files)
    lines += [_line(event, paths.get((event.device, event.inode)), home, kind="sum") for event in sums]
    return sorted(lines)


def _line(event: KernelEvent, path: bytes | None, home: bytes, kind: str = "") -> str:
    facts = {
        "path": _named(path, home) if path else "",
        "by": event.path_source if event.path else "",
        "other": _named(event.other_path, home) if event.other_path else "",
        "argv": " ".join(_named(word, home) for word in event.arguments),
        "peer": _peer(event.peer) if event.peer else "",
        "name": (event.name or b"").decode(errors="replace"),
        "operation": event.operation,
        "via": event.via if event.via != "syscall" else "",
        "result": _result(event),
        "links": event.links if event.links >= 0 else "",
        "layer": event.layer if event.layer != "unknown" else "",
        "received": event.received or "",
        "out": event.bytes_out or "",
        "in": event.bytes_in or "",
        "mapped": event.mapped or "",
    }
    return " ".join([kind or event.kind, *(f"{name}={value}" for name, value in facts.items() if value != "")])


def _peer(peer: Endpoint) -> str:
    return f"{peer.protocol} {peer.address} {peer.port or peer.local_port}"


def _result(event: KernelEvent) -> int | str:
    if event.kind == "fork":
        return "child"
    return event.result if event.result < 0 or event.kind == "exit" else "ok"


def _named(text: bytes, home: bytes) -> str:
    return (b"~" + text[len(home) :] if text.startswith(home) else text).decode(errors="replace")
