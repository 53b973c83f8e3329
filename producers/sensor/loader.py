"""Loads and attaches the kernel half, and holds its maps: compile in a child, take its descriptors, attach here.

A child, because LLVM would stay in the sensor's memory for good (measured: bpf/README.md).
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Self

from ...models.errors import TriptychError
from . import probe
from .btf import Btf
from .decode import FLOW, FLOW_KEY, LOSS, MEMBER, ROOT
from .ring import Ring
from .source import BPF_MAPS, Plan, plan
from .syscalls import Map, open_raw_tracepoint

__all__ = ["Kernel", "load"]

_COMPILE_TIMEOUT_S = 60
_PID = 4
_MAX_DESCRIPTORS = 64


class Kernel:
    """The attached kernel half. Everything it hands out dies with close()."""

    def __init__(self, descriptors: Mapping[str, int], done: Plan, ring_bytes: int) -> None:
        self._descriptors = dict(descriptors)
        self._links: list[int] = []
        self.ring_descriptor = descriptors["events"]
        self.ring = Ring(self.ring_descriptor, ring_bytes)
        self.watched = Map(descriptors["watched"], _PID, MEMBER.size)
        self.roots = Map(descriptors["roots"], _PID, ROOT.size)
        self.losses = Map(descriptors["losses"], _PID, LOSS.size)
        self.flows = Map(descriptors["flows"], FLOW_KEY.size, FLOW.size)
        self.missing = dict(done.missing)
        self.features = done.features

    def attach(self, programs: tuple[str, ...]) -> None:
        """Attach each program to the raw tracepoint of its name. Raises SensorUnavailable S07."""
        for name in programs:
            try:
                self._links.append(open_raw_tracepoint(name, self._descriptors[name]))
            except OSError as error:
                raise probe.SensorUnavailable(
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
    probe.require()
    done = plan(Btf(probe.BTF.read_bytes()), ring_bytes=ring_bytes)
    kernel = Kernel(_compiled(done), done, ring_bytes)
    try:
        kernel.attach(done.programs)
    except TriptychError:
        kernel.close()
        raise
    return kernel


def _compiled(done: Plan) -> dict[str, int]:
    """Descriptors of maps and programs by name, from a child that compiles and goes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", "-m", f"{__package__}.kernel", str(theirs.fileno())]
    with ours, theirs:
        child = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        theirs.close()
        try:
            ours.send(json.dumps({"flags": done.flags, "programs": done.programs}).encode())
            reply, descriptors = _answer(ours)
        finally:
            said = _finish(child)
    if "names" not in reply:
        why = reply.get("error") or f"it ended with status {child.returncode}"
        raise probe.SensorUnavailable(
            f"BCC did not load the kernel programs: {why}", said[-2000:] or "triptych doctor", code="S07"
        )
    return dict(zip((*BPF_MAPS, *done.programs), descriptors, strict=True))


def _answer(ours: socket.socket) -> tuple[dict[str, object], list[int]]:
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
