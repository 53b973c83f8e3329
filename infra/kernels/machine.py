"""One boot under qemu without acceleration: a kernel, an initial file system, and what came over the serial line."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import KernelsError

__all__ = ["Boot", "boot", "lines", "machines_missing"]

_EMULATORS = {
    "amd64": ("qemu-system-x86_64", ("-machine", "q35", "-cpu", "max"), "ttyS0"),
    "arm64": ("qemu-system-aarch64", ("-machine", "virt", "-cpu", "cortex-a57"), "ttyAMA0"),
}
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """What to boot, in Debian's word for the architecture; `memory_mb` of the guest."""

    architecture: str
    kernel: Path
    image: Path
    memory_mb: int = 768
    limit_s: float = 300


def machines_missing() -> list[str]:
    """Emulators that are not installed."""
    return [command for command, _, _ in _EMULATORS.values() if shutil.which(command) is None]


def boot(what: Boot) -> str:
    """Everything the guest wrote until it switched itself off. Raises KernelsError N03 when it does not in time."""
    emulator, hardware, console = _EMULATORS[what.architecture]
    command = [emulator, *hardware, "-accel", "tcg", "-m", str(what.memory_mb), "-smp", "1", "-no-reboot"]
    command += ["-nodefaults", "-nographic", "-serial", "stdio", "-nic", "none"]
    command += ["-kernel", str(what.kernel), "-initrd", str(what.image)]
    command += ["-append", f"console={console} quiet loglevel=3 panic=-1 rdinit=/init"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=what.limit_s, check=False)
    except subprocess.TimeoutExpired as error:
        told = (error.stdout or b"").decode(errors="replace")
        raise KernelsError(f"no end after {what.limit_s:.0f} s; last: {told[-400:]!r}", code="N03") from error
    except OSError as error:
        raise KernelsError(
            f"{emulator}: {error.strerror}", "apt-get install qemu-system-x86 qemu-system-arm"
        ) from error
    if done.returncode:
        raise KernelsError(f"{emulator}: {done.stderr.decode(errors='replace')[-400:]}", code="N03")
    return _CONTROL.sub("", done.stdout.decode(errors="replace"))


def lines(told: str, mark: str) -> list[str]:
    """What the guest said behind `mark` at the start of a line; the kernel's own words stand between."""
    return [line[len(mark) :] for line in told.splitlines() if line.startswith(mark)]
