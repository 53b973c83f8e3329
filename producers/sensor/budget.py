"""How many events a second of one workload are told: a bucket for each kind, as a flood of one must not hide another.

Pure: time is that of the events."""

from __future__ import annotations

__all__ = ["Budget"]


class Budget:
    """Token buckets that hold one second's worth. Time is that of the events, monotonic nanoseconds."""

    def __init__(self, per_second: int) -> None:
        self._most = float(per_second)
        self._left: dict[str, float] = {}
        self._filled_ns: dict[str, int] = {}

    def take(self, kind: str, mono_ns: int) -> bool:
        """Whether one more event of `kind` may be told."""
        passed_ns = max(0, mono_ns - self._filled_ns.get(kind, mono_ns))
        self._filled_ns[kind] = max(mono_ns, self._filled_ns.get(kind, 0))
        left = min(self._most, self._left.get(kind, self._most) + self._most * passed_ns / 1e9)
        self._left[kind] = left - 1 if left >= 1 else left
        return left >= 1
