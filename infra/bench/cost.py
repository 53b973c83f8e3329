"""What a running process costs, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["cpu_us", "rss_mb"]


def cpu_us(pid: int) -> float:
    """Processor time of the threads alive, microseconds with the scheduler's nanosecond precision."""
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1000


def rss_mb(pid: int) -> float:
    """Resident memory now, MB of 1024 * 1024 bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) / 1024
