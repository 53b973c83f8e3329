"""The first process of the guest: mounts what the sensor reads, runs the known workload, tells it, switches off.

What it tells is one JSON object, cut into lines that begin with MARK; whatever happens, the machine ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import platform
import socket
import struct
import sys
import termios
import traceback
from pathlib import Path

from ...models.errors import TriptychError
from .normalise import normalised
from .observe import observe

__all__ = ["MARK", "main"]

MARK = "@@"
_PIECE = 200
_FOLDER = Path("/tmp/known")  # noqa: S108 - of a machine that lives for seconds
_SET_FLAGS, _UP = 0x8914, 0x1 | 0x40  # SIOCSIFFLAGS; IFF_UP, IFF_RUNNING
_POWER_OFF = 0x4321FEDC
_MOUNTS = (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp"))  # noqa: S108

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    try:
        _prepare()
        _tell(_observed())
    except TriptychError as error:
        _tell({"error": str(error)})
    except Exception:  # an init that ends is a kernel that panics, and the reason scrolls away
        _tell({"error": traceback.format_exc()[-2000:]})
    finally:
        os.sync()
        _libc.reboot(_POWER_OFF)


def _prepare() -> None:
    for kind, place in _MOUNTS:
        _libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None)
    os.environ["PATH"] = "/usr/bin:/bin"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket, contextlib.suppress(OSError):
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))


def _observed() -> dict[str, object]:
    seen = observe("core", _FOLDER)
    return {
        "release": os.uname().release,
        "machine": platform.machine(),
        "programs": seen.programs,
        "features": seen.features,
        "missing": dict(seen.missing),
        "start_s": round(seen.start_s, 2),
        "lost": seen.lost,
        "events": normalised(seen.records, seen.flows, seen.files, _FOLDER),
    }


def _tell(what: dict[str, object]) -> None:
    text = json.dumps(what)
    pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    sys.stdout.write("".join(["\n", *(f"{MARK}{piece}\n" for piece in pieces)]))
    sys.stdout.flush()
    termios.tcdrain(sys.stdout.fileno())  # the line is slower than the power switch
