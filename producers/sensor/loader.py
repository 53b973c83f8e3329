"""Loads and attaches the kernel half, and holds its maps: compile in a child, take its descriptors, attach here.

A child, because LLVM would stay in the sensor's memory for good (figures: bpf/README.md).
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Self

from .decode import FLOW, FLOW_KEY, LOSS, MEMBER, ROOT
from .probe import SensorUnavailable, require
from .program import BPF_MAPS
from .ring import Ring
from .syscalls import Map, open_raw_tracepoint

__all__ = ["Kernel", "load"]

_COMPILE_TIMEOUT_S = 60
_PID = 4
_MAX_DESCRIPTORS = 64


class Kernel:
    """The attached kernel half. Everything it hands out dies with close()."""

    def __init__(self, plain: Mapping[str, Any], handed: Sequence[int], ring_bytes: int) -> None:
        self._programs = tuple(plain["programs"])
        descriptors = dict(zip((*BPF_MAPS, *self._programs), handed, strict=True))
        self._descriptors = descriptors
        self._links: list[int] = []
        self.ring_descriptor = descriptors["events"]
        self.ring = Ring(self.ring_descriptor, ring_bytes)
        self.watched = Map(descriptors["watched"], _PID, MEMBER.size)
        self.roots = Map(descriptors["roots"], _PID, ROOT.size)
        self.losses = Map(descriptors["losses"], _PID, LOSS.size)
        self.flows = Map(descriptors["flows"], FLOW_KEY.size, FLOW.size)
        self.features: tuple[str, ...] = tuple(plain["features"])
        self.missing: dict[str, str] = plain["missing"]  # feature -> what this kernel lacks for it

    def attach(self) -> None:
        """Attach each program to the raw tracepoint of its name. Raises SensorUnavailable S07."""
        for name in self._programs:
            try:
                self._links.append(open_raw_tracepoint(name, self._descriptors[name]))
            except OSError as error:
                raise SensorUnavailable(
                    f"tracepoint {name} refuses the program: {error.strerror}", "triptych doctor", code="S07"
                ) from error

    def close(self) -> None:
        self.ring.close()
        for descriptor in (*self._links, *self._descriptors.values()):
            os.close(descriptor)
        self._links.clear()
        self._descriptors.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load(ring_bytes: int) -> Kernel:
    """The kernel half, attached. Raises SensorUnavailable with the exact thing this machine lacks."""
    require()
    plain, descriptors = _compiled(ring_bytes)
    kernel = Kernel(plain, descriptors, ring_bytes)
    try:
        kernel.attach()
    except SensorUnavailable:
        kernel.close()
        raise
    return kernel


def _compiled(ring_bytes: int) -> tuple[dict[str, Any], list[int]]:
    """The plan and the descriptors of maps and programs, from a child that compiles and goes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.kernel", str(theirs.fileno()), str(ring_bytes)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        try:
            plain, descriptors = _answer(ours)
        finally:
            said = _finish(child)
    if "programs" not in plain:
        why = plain.get("error") or f"the compiler ended with status {child.returncode}"
        hint = plain.get("hint") or said.strip()[-1500:] or "triptych doctor"
        raise SensorUnavailable(f"the kernel programs did not load: {why}", hint, code=plain.get("code", "S07"))
    return plain, descriptors


def _answer(ours: socket.socket) -> tuple[dict[str, Any], list[int]]:
    if not select.select([ours], [], [], _COMPILE_TIMEOUT_S)[0]:
        return {"error": f"no answer after {_COMPILE_TIMEOUT_S} s"}, []
    data, descriptors, _, _ = socket.recv_fds(ours, 65536, _MAX_DESCRIPTORS)
    return (json.loads(data) if data else {}), descriptors


def _finish(child: subprocess.Popen[bytes]) -> str:
    """What the child said on standard error; it is killed when it does not end by itself."""
    try:
        _, said = child.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        child.kill()
        _, said = child.communicate()
    return said.decode(errors="replace")
