"""Start of the wrapper to its first forwarded byte, with a server (`cat`) that costs a millisecond to start."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial

from ..report import Row
from ..rounds import interleaved, percentile
from .client import watched
from .place import Place, module
from .traffic import INITIALIZE

__all__ = ["first_bytes"]

_MOST_MS = 60.0


def first_bytes(place: Place, times: int, tell: Callable[[str], None]) -> list[Row]:
    """Every start is a new process; files are in the page cache, as they are when a client starts its second server."""
    commands = {"cat": ["cat"], "pump": module("pump_stdio", "cat"), "ours": place.stdio_gateway("cat")}
    with place.log("starts").open("ab") as log:
        turns = {name: partial(_first_byte, argv, log.fileno()) for name, argv in commands.items()}
        tell(f"start, {times} times")
        rounds = interleaved(turns, times, lambda _: None)
    place.sweep()
    spans = {name: [one[name] for one in rounds] for name in commands}
    return [
        Row(name="start cat: first byte", value=percentile(spans["cat"], 0.5), unit="ms"),
        Row(name="start pump: first byte", value=percentile(spans["pump"], 0.5), unit="ms"),
        Row(name="start ours: first byte", value=percentile(spans["ours"], 0.5), unit="ms", at_most=_MOST_MS),
        Row(name="start ours: first byte, p90", value=percentile(spans["ours"], 0.9), unit="ms"),
    ]


def _first_byte(argv: Sequence[str], log: int) -> float:
    """Milliseconds from the start of the process to the first byte of what `cat` gives back."""
    began = time.perf_counter_ns()
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0)
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    assert process.stdout is not None  # noqa: S101
    with watched(process):
        process.stdin.write(INITIALIZE)
        os.read(process.stdout.fileno(), 1)
        spent = (time.perf_counter_ns() - began) / 1e6
        process.stdin.close()
        process.stdout.read()
        process.wait()
    process.stdout.close()
    return spent
