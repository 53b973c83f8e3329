"""What a compiler is told of hot code (infra/wheel): Python itself passes over it.

`i64` are places in bytes, `acyclic` are classes of bytes and numbers, which no collector need look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64, mypyc_attr
else:
    i64 = int

    def mypyc_attr(**_):
        return lambda kind: kind


__all__ = ["i64", "mypyc_attr"]
