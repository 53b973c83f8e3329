"""Join: Faust agents around pure correlators. `calls`, `findings` and `Emitter` are for consumers of your own."""

from __future__ import annotations

import importlib
from typing import Any

if __name__ == "streams":
    raise ImportError("import triptych.streams, not streams: install the project first (pip install -e .)")

_FOR_CONSUMERS = frozenset({"Emitter", "calls", "emit_finding", "findings"})


def __getattr__(name: str) -> Any:
    """What consumers need, from reading.py, where it is asked for: a worker needs none of it."""
    if name in _FOR_CONSUMERS:
        return getattr(importlib.import_module(".reading", __name__), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
