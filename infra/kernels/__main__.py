"""Boot the matrix: python -m triptych.infra.kernels [--only LABEL] [--accept]. Exit 1 when a kernel tells otherwise.

A run of the whole matrix writes its tables into bpf/README.md; a part of it only prints.
"""

from __future__ import annotations

import argparse
import sys

from ...models.errors import TriptychError
from ...producers.sensor.front_end import BPF_SOURCES
from . import compare, report
from .catalogue import MATRIX
from .matrix import Row, run


def main() -> None:
    """Boot Debian's kernels under qemu and compare what the sensor's kernel half tells of a known workload."""
    labels = [each.label for each in MATRIX]
    parser = argparse.ArgumentParser(prog="python -m triptych.infra.kernels", description=main.__doc__)
    parser.add_argument("--only", action="append", choices=labels, help="one kernel; may be repeated")
    parser.add_argument("--accept", action="store_true", help="take what the last kernel tells as what is expected")
    asked = parser.parse_args()
    only = asked.only or []
    series = [each for each in MATRIX if not only or each.label in only]
    try:
        rows = [_said(row) for row in run(series)]
        if asked.accept:
            compare.EXPECTED.write_text(compare.write(rows[-1].told["events"]))
        if not only:
            report.publish(BPF_SOURCES / "README.md", report.tables(rows))
    except TriptychError as error:
        sys.exit(str(error))
    sys.exit(any(_trouble(row) for row in rows))


def _said(row: Row) -> Row:
    trouble = _trouble(row)
    missing = ", ".join(row.told.get("missing", ())) or "nothing"
    print(f"{row.series.label:13} {row.abi:18} missing: {missing}", flush=True)
    for line in trouble:
        print(f"    {line}", flush=True)
    return row


def _trouble(row: Row) -> list[str]:
    """Why this row fails; nothing when it does not."""
    if row.error:
        return [row.error]
    lost = [f"{row.told['lost']} events lost"] if row.told["lost"] else []
    expected = compare.read(compare.EXPECTED.read_text()) if compare.EXPECTED.exists() else compare.read("")
    return lost + compare.unexplained(expected, row.told["events"], row.told["missing"])


if __name__ == "__main__":
    main()
