"""Runs the known workload under the sensor's kernel half alone: raw records out, no calls, no gateway, no broker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...producers.sensor.decode import FILE_KEY, FILE_SUM, LOSS, MEMBER, ROOT
from ...producers.sensor.loader import Kernel, load
from .errors import KernelsError
from .workload import prepare

__all__ = ["Observation", "observe"]

_RING_BYTES = 1 << 22
_SETTLE_S = 0.2
_PATIENCE_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one run gave. `flows` and `files` are entries of the kernel's tables, `lost` is its own count."""

    front_end: str
    programs: tuple[str, ...]
    features: tuple[str, ...]
    missing: Mapping[str, str]
    start_s: float
    records: tuple[bytes, ...]
    flows: tuple[tuple[bytes, bytes], ...]
    files: tuple[tuple[bytes, bytes], ...]
    lost: int


def observe(front_end: str, folder: Path) -> Observation:
    """Load with `front_end`, run the workload in `folder`, collect. Raises TriptychError."""
    prepare(folder)
    began = time.monotonic()
    with load(_RING_BYTES, front_end) as kernel:
        start_s = time.monotonic() - began
        root = _work(kernel, folder)
        time.sleep(_SETTLE_S)
        block, places = kernel.ring.read()
        lost = kernel.losses.get(root) or LOSS.pack(0, 0, 0)
        return Observation(
            front_end=kernel.front_end,
            programs=tuple(kernel.links),
            features=kernel.features,
            missing=kernel.missing,
            start_s=start_s,
            records=tuple(block[at : at + length] for at, length in places),
            flows=tuple(kernel.flows.items()),
            files=tuple(kernel.map("files", FILE_KEY.size, FILE_SUM.size).items()),
            lost=sum(LOSS.unpack(lost)),
        )


def _work(kernel: Kernel, folder: Path) -> bytes:
    """Watch a workload from its first step to its last; the key of its root."""
    command = [sys.executable, "-m", f"{__package__}.workload", str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONHASHSEED": "0"}
    ) as worker:
        root = worker.pid.to_bytes(4, "little")
        _expect(worker, "ready")
        kernel.losses.put(root, LOSS.pack(0, 0, 0))
        kernel.roots.put(root, ROOT.pack(1, 1))
        kernel.watched.put(root, MEMBER.pack(worker.pid, 0, 0, 0))
        _expect(worker, "done", say="go\n")
        kernel.watched.remove(root)
        worker.communicate("end\n", timeout=_PATIENCE_S)
    return root


def _expect(worker: subprocess.Popen[str], word: str, say: str = "") -> None:
    assert worker.stdin is not None  # noqa: S101 - both are pipes
    assert worker.stdout is not None  # noqa: S101
    worker.stdin.write(say)
    worker.stdin.flush()
    told = worker.stdout.readline().strip()
    if told != word:
        raise KernelsError(f"the workload said {told!r} and not {word!r}", code="N03")
