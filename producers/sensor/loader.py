"""Loads and attaches the kernel half, and holds its maps: a child loads, its descriptors come here, here they attach.

What the kernel refuses switches its feature off, one by one, and is named in `missing`.
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

from ...models.errors import TriptychError
from .decode import FLOW, FLOW_KEY, LOSS, MEMBER, ROOT
from .probe import SensorUnavailable, front_ends, require
from .program import BPF_MAPS
from .refusals import remaining, used
from .ring import open_ring
from .syscalls import Map, open_raw_tracepoint

__all__ = ["Kernel", "load"]

_LOAD_TIMEOUT_S = 180  # of a machine that is emulated, or busy with something else
_PID = 4
_MAX_DESCRIPTORS = 64


class Kernel:
    """The attached kernel half. Everything it hands out dies with close()."""

    def __init__(self, front_end: str, plain: Mapping[str, Any], handed: Sequence[int], ring_bytes: int) -> None:
        self.front_end = front_end
        self._programs = tuple(plain["programs"])
        self._descriptors = dict(zip((*BPF_MAPS, *self._programs), handed, strict=True))
        self._refused: dict[str, str] = plain["refused"]
        self.links: dict[str, int] = {}  # program -> the link that keeps it attached
        self.ring_descriptor = self._descriptors["events"]
        self.ring = open_ring(self.ring_descriptor, ring_bytes)
        self.watched = self.map("watched", _PID, MEMBER.size)
        self.roots = self.map("roots", _PID, ROOT.size)
        self.losses = self.map("losses", _PID, LOSS.size)
        self.flows = self.map("flows", FLOW_KEY.size, FLOW.size)
        self.features: tuple[str, ...] = tuple(plain["features"])
        self.missing: dict[str, str] = plain["missing"]  # feature -> what this kernel lacks or refuses for it

    def map(self, name: str, key_size: int, value_size: int) -> Map:
        """The map of this name in BPF_MAPS. Raises KeyError."""
        return Map(self._descriptors[name], key_size, value_size)

    def attach(self) -> None:
        """Attach each program to the raw tracepoint of its name. Raises TriptychError S07 when a required one fails."""
        for name in self._programs:
            try:
                self.links[name] = open_raw_tracepoint(name, self._descriptors[name])
            except OSError as error:
                self._refused[name] = f"tracepoint {name} refuses its program: {error.strerror}"
        self.features, self.missing = remaining(self.features, self.missing, self._refused)
        for name in self.links.keys() - used(self.features):  # half a feature would count half of the truth
            os.close(self.links.pop(name))

    def close(self) -> None:
        self.ring.close()
        for descriptor in (*self.links.values(), *self._descriptors.values()):
            os.close(descriptor)
        self.links.clear()
        self._descriptors.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load(ring_bytes: int, front_end: str = "auto") -> Kernel:
    """The kernel half, attached. `front_end`: core, bcc, or auto for the first that works.

    Raises SensorUnavailable with the exact thing this machine lacks.
    """
    require()
    wanted = front_ends() if front_end == "auto" else (front_end,)
    for name in wanted[:-1]:
        try:
            return _attached(name, ring_bytes)
        except SensorUnavailable:
            continue  # the other one may do; if not, it says why
    return _attached(wanted[-1], ring_bytes)


def _attached(front_end: str, ring_bytes: int) -> Kernel:
    plain, descriptors = _loaded(front_end, ring_bytes)
    kernel = Kernel(front_end, plain, descriptors, ring_bytes)
    try:
        kernel.attach()
    except TriptychError as error:
        kernel.close()
        raise SensorUnavailable(error.what, error.hint or "triptych doctor", code=error.code) from error
    return kernel


def _loaded(front_end: str, ring_bytes: int) -> tuple[dict[str, Any], list[int]]:
    """The plan and the descriptors of maps and programs, from a child that loads and goes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.child", str(theirs.fileno()), front_end, str(ring_bytes)],
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
        why = plain.get("error") or f"the loader ended with status {child.returncode}"
        hint = plain.get("hint") or said.strip()[-1500:] or "triptych doctor"
        what = f"the kernel programs did not load ({front_end}): {why}"
        raise SensorUnavailable(what, hint, code=plain.get("code", "S07"))
    return plain, descriptors


def _answer(ours: socket.socket) -> tuple[dict[str, Any], list[int]]:
    if not select.select([ours], [], [], _LOAD_TIMEOUT_S)[0]:
        return {"error": f"no answer after {_LOAD_TIMEOUT_S} s"}, []
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
