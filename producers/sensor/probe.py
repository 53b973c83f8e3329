"""What the sensor needs of a machine, asked of the kernel itself: each finding names the exact thing that is missing.

BCC's own messages mislead ("Failed to compile BPF module" for a missing capability), so bpf(2) is tried directly.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass

from ...models.errors import TriptychError
from . import syscalls
from .kernel import BTF, find_bcc

__all__ = ["Finding", "SensorUnavailable", "probe", "require"]

_HASH, _RINGBUF = 1, 27


class SensorUnavailable(TriptychError):
    """This machine cannot run the sensor.

    S01 machine, S02 CAP_BPF, S03 CAP_PERFMON, S04 BTF, S05 BCC, S06 ring buffer, S07 loading or attaching.
    """

    code = "S01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the sensor needs: whether it is there, what was seen, and what to do when it is not."""

    code: str
    name: str
    ok: bool
    detail: str
    hint: str = ""


def probe() -> list[Finding]:
    """All findings, in the order in which they should be mended. Changes nothing and needs no privilege to ask."""
    return [_machine(), _maps(), _programs(), _btf(), _bcc(), _ring()]


def require() -> None:
    """Raise SensorUnavailable for the first thing that is missing."""
    for finding in probe():
        if not finding.ok:
            raise SensorUnavailable(finding.detail, finding.hint, code=finding.code)


def _machine() -> Finding:
    name = f"{platform.system()} {platform.machine()}"
    return Finding(
        code="S01",
        name="machine",
        ok=name == "Linux x86_64",
        detail=name if name == "Linux x86_64" else f"the sensor runs on Linux x86_64, this is {name}",
        hint="run the sensor on an x86-64 Linux node",
    )


def _try(call: Callable[[], int]) -> OSError | None:
    try:
        os.close(call())
    except OSError as error:
        return error
    return None


def _maps() -> Finding:
    error = _try(lambda: syscalls.create_map(_HASH, 4, 8, 16))
    return Finding(
        code="S02",
        name="CAP_BPF",
        ok=error is None,
        detail=f"bpf(2) refuses a map: {error.strerror}; CAP_BPF is missing" if error else "maps can be created",
        hint="run as root, or grant CAP_BPF and CAP_PERFMON",
    )


def _programs() -> Finding:
    error = _try(syscalls.load_nothing)
    return Finding(
        code="S03",
        name="CAP_PERFMON",
        ok=error is None,
        detail=f"bpf(2) refuses a program: {error.strerror}; CAP_PERFMON is missing"
        if error
        else "programs can be loaded",
        hint="run as root, or grant CAP_PERFMON beside CAP_BPF",
    )


def _btf() -> Finding:
    readable = os.access(BTF, os.R_OK)
    return Finding(
        code="S04",
        name="BTF",
        ok=readable,
        detail=str(BTF) if readable else f"{BTF} is not readable: this kernel does not describe its types",
        hint="use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount sysfs in a container",
    )


def _bcc() -> Finding:
    found = find_bcc()
    return Finding(
        code="S05",
        name="BCC",
        ok=found is not None,
        detail=str(found) if found else "the distribution's BCC is not installed",
        hint="apt-get install python3-bpfcc (never `pip install bcc`: on PyPI that name is an unrelated package)",
    )


def _ring() -> Finding:
    error = _try(lambda: syscalls.create_map(_RINGBUF, 0, 0, 65536))
    return Finding(
        code="S06",
        name="ring buffer",
        ok=error is None,
        detail=f"bpf(2) refuses a ring buffer: {error.strerror}" if error else "ring buffers can be created",
        hint="the ring buffer came with Linux 5.8; without CAP_BPF no map can be created at all",
    )
