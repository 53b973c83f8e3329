"""Ground truth: what the tool server did, written down by the server itself, without the sensor.

CPython's audit events name every file it opens and every connection it makes; the recorder adds the call they
happened in, as the caller named it in its trace context. Nothing here is read by the product, only by the demo's check.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Deed", "Recorder", "TruthCall", "read_truth"]

_LISTINGS = frozenset({"os.listdir", "os.scandir"})


@dataclass(frozen=True, slots=True)
class TruthCall:
    """A call as its caller named it: W3C trace id, span id of the request, and the tool."""

    trace: str
    span: str
    tool: str


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing the server did: it opened `target`, or connected to `target` (host:port)."""

    kind: str  # open | connect
    target: str
    call: TruthCall | None
    mono_ns: int


class Recorder:
    """Writes a line for each deed of this process to a descriptor that was opened before."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._call: ContextVar[TruthCall | None] = ContextVar("truth_call", default=None)

    def install(self) -> None:
        """Record from here on. An audit hook stays for the life of the process."""
        sys.addaudithook(self._hear)

    @contextmanager
    def during(self, call: TruthCall) -> Iterator[None]:
        """Deeds of this context, and of the worker threads it uses, belong to `call`."""
        token = self._call.set(call)
        try:
            yield
        finally:
            self._call.reset(token)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" or event in _LISTINGS:
            if isinstance(arguments[0], (str, bytes, os.PathLike)) or arguments[0] is None:
                self._write("open", str(Path(os.fsdecode(arguments[0] or ".")).absolute()))
        elif event == "socket.connect" and isinstance(arguments[1], tuple):
            self._write("connect", f"{arguments[1][0]}:{arguments[1][1]}")

    def _write(self, kind: str, target: str) -> None:
        call = self._call.get()
        line = {"kind": kind, "target": target, "mono_ns": time.monotonic_ns()}
        if call is not None:
            line |= {"trace": call.trace, "span": call.span, "tool": call.tool}
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")


def read_truth(paths: Iterable[Path]) -> list[Deed]:
    """Every deed in truth files, in order of time."""
    deeds = [_deed(json.loads(line)) for path in paths for line in path.read_text().splitlines()]
    return sorted(deeds, key=lambda deed: deed.mono_ns)


def _deed(line: dict[str, Any]) -> Deed:
    call = TruthCall(line["trace"], line["span"], line["tool"]) if "trace" in line else None
    return Deed(line["kind"], line["target"], call, line["mono_ns"])
