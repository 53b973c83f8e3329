"""What the sensor needs of a machine, asked of the kernel itself: each finding names the exact thing that is missing.

BCC's own messages mislead ("Failed to compile BPF module" for a missing capability), so bpf(2) is tried directly.
"""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...models.errors import TriptychError
from . import syscalls
from .btf import Btf
from .front_end import BTF
from .kernel import find_bcc
from .libbpf import available
from .objects import find_object
from .program import plan

__all__ = [
    "CAPABILITIES",
    "MACHINES",
    "Capability",
    "Finding",
    "SensorUnavailable",
    "front_ends",
    "lacking",
    "probe",
    "require",
]

MACHINES = ("x86_64", "aarch64")
_HASH, _RINGBUF = 1, 27
_PAGE = 4096
_STATUS = Path("/proc/self/status")


class SensorUnavailable(TriptychError):
    """This machine cannot run the sensor.

    S01 machine, S02 CAP_BPF, S03 CAP_PERFMON, S04 BTF, S05 front-end, S06 ring buffer, S07 loading or attaching.
    """

    code = "S01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the sensor asks for: whether it is there, what was seen, and what to do when it is not.

    Without a `needed` one it does not start; without another it says less.
    """

    code: str
    name: str
    ok: bool
    detail: str
    hint: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Capability:
    """A capability beyond the two that are needed: its number, and what it buys."""

    number: int
    buys: str


_NEEDED = {"CAP_BPF": 39, "CAP_PERFMON": 38}
_SYS_ADMIN = 21  # stands in for both

CAPABILITIES: Mapping[str, Capability] = {
    "CAP_SYS_PTRACE": Capability(19, "the executables of other users' processes, and so their digests"),
    "CAP_DAC_READ_SEARCH": Capability(
        2, "what other users keep to themselves: their descriptors, programs that only they may read"
    ),
}


def probe() -> list[Finding]:
    """All findings, in the order in which they should be mended. Changes nothing and needs no privilege to ask."""
    return [_machine(), _maps(), _programs(), _btf(), _front_end(), _ring(), _attaching(), *_capabilities()]


def require() -> None:
    """Raise SensorUnavailable for the first needed thing that is missing."""
    for finding in probe():
        if finding.needed and not finding.ok:
            raise SensorUnavailable(finding.detail, finding.hint, code=finding.code)


def lacking() -> Mapping[str, str]:
    """Features this kernel cannot serve by its BTF, with what it lacks. Raises OSError, TriptychError S08 or S09."""
    return plan(Btf(BTF.read_bytes()), ring_bytes=_PAGE, machine=platform.machine()).missing


def front_ends() -> tuple[str, ...]:
    """Front-ends that this machine has, the better first: the prebuilt object starts sooner and needs no LLVM."""
    compiles = platform.machine() == "x86_64" and find_bcc() is not None
    found = {"core": find_object() is not None and available(), "bcc": compiles}
    return tuple(name for name, is_there in found.items() if is_there)


def _machine() -> Finding:
    name = f"{platform.system()} {platform.machine()}"
    served = platform.system() == "Linux" and platform.machine() in MACHINES
    return Finding(
        code="S01",
        name="machine",
        ok=served,
        detail=name if served else f"the sensor runs on Linux, {' or '.join(MACHINES)}; this is {name}",
        hint="run the sensor on an x86-64 or arm64 Linux node",
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
        detail=f"bpf(2) refuses a map: {_why(error, 'CAP_BPF')}" if error else "maps can be created",
        hint="run as root, or grant CAP_BPF and CAP_PERFMON",
    )


def _programs() -> Finding:
    error = _try(syscalls.load_nothing)
    return Finding(
        code="S03",
        name="CAP_PERFMON",
        ok=error is None,
        detail=f"bpf(2) refuses a program: {_why(error, *_NEEDED)}" if error else "programs can be loaded",
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


def _front_end() -> Finding:
    found = front_ends()
    return Finding(
        code="S05",
        name="front-end",
        ok=bool(found),
        detail=", ".join(found) if found else "neither libbpf nor the distribution's BCC is installed",
        hint="apt-get install libbpf1, or python3-bpfcc "
        "(never `pip install bcc`: on PyPI that name is an unrelated package)",
    )


def _ring() -> Finding:
    syscalls.lift_memory_limit()
    error = _try(lambda: syscalls.create_map(_RINGBUF, 0, 0, 65536))
    return Finding(
        code="S06",
        name="ring buffer",
        ok=error is None,
        detail=f"bpf(2) refuses a ring buffer: {_why(error, 'CAP_BPF')}" if error else "ring buffers can be created",
        hint="the ring buffer came with Linux 5.8; before 5.11 it also needs CAP_SYS_RESOURCE, or ulimit -l unlimited",
    )


def _attach_nothing() -> int:
    program = syscalls.load_nothing()
    try:
        return syscalls.open_raw_tracepoint("sched_process_exec", program)
    finally:
        os.close(program)


def _attaching() -> Finding:
    error = _try(_attach_nothing)
    return Finding(
        code="S07",
        name="raw tracepoints",
        ok=error is None,
        detail=f"bpf(2) refuses a raw tracepoint: {_why(error, *_NEEDED)}" if error else "programs can be attached",
        hint="grant CAP_BPF and CAP_PERFMON; a kernel in lockdown=confidentiality, or a seccomp filter, forbids it too",
    )


def _capabilities() -> list[Finding]:
    effective = _effective()
    return [_capability(name, capability, effective) for name, capability in CAPABILITIES.items()]


def _capability(name: str, capability: Capability, effective: int) -> Finding:
    granted = bool(effective >> capability.number & 1)
    return Finding(
        code="S12",
        name=name,
        ok=granted,
        detail=("gives " if granted else "missing; it would give ") + capability.buys,
        hint=f"grant {name}; without it the sensor runs and says less",
        needed=False,
    )


def _why(error: OSError, *capabilities: str) -> str:
    """The error in words, and which of `capabilities` is missing, or what else forbids it when none is."""
    if error.errno != errno.EPERM:
        return str(error.strerror)
    effective = _effective()
    missing = [name for name in capabilities if not effective & (1 << _NEEDED[name] | 1 << _SYS_ADMIN)]
    if missing:
        return f"{error.strerror}; {' and '.join(missing)} {'are' if missing[1:] else 'is'} missing"
    held = " and ".join(capabilities)
    return f"{error.strerror}, though {held} granted: a seccomp filter, a lockdown or a user namespace forbids it"


def _effective() -> int:
    """The effective capabilities of this process as a bit set; none where the kernel does not say."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
