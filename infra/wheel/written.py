"""Writes the readers and writers of stage 1 as modules into a folder, and prints their paths: for the wheel, where they
are compiled. Needs nothing but the package."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ...models import lazy

__all__ = ["main"]

_SCHEMAS = Path(__file__).resolve().parents[2] / "avro"
_EVENTS = ("ProtocolEvent", "ExecutionBatch", "Call")


def main(folder: Path) -> None:
    schemas = (json.loads((_SCHEMAS / f"triptych.{name}.avsc").read_text()) for name in _EVENTS)
    for one in lazy.written(*schemas):
        path = folder / f"{one.module}.py"
        path.write_text(one.text)
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
