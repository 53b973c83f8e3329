"""Where a figure was measured: what decides about it, and nothing that tells whose machine it is."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

__all__ = ["machine", "versions"]


def machine() -> dict[str, str | float]:
    """Processor, cores, memory and kernel; the load shows who else was at work when the run began."""
    kernel = re.match(r"\d+\.\d+", platform.release())
    return {
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(int(_field("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20), 1),
        "kernel": kernel[0] if kernel else "",
        "load": round(os.getloadavg()[0], 2),
    }


def versions(packages: Sequence[str] = ()) -> dict[str, str]:
    """Of Python, of ours, and of the named packages in this environment."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("triptych", *packages)}}


def _field(file: str, name: str) -> str:
    lines = Path(file).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "0")
