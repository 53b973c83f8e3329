"""Loads the kernel programs through one front-end and hands their descriptors on. A short-lived child of the sensor.

A child, because LLVM, libbpf and the kernel's types would stay in the sensor's memory for good.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import sys
from collections.abc import Callable, Mapping

from . import core, kernel
from .btf import Btf
from .front_end import BTF, Loaded
from .program import BPF_MAPS, Plan, plan

__all__ = ["FRONT_ENDS", "main"]

FRONT_ENDS: Mapping[str, Callable[[Plan], Loaded]] = {"bcc": kernel.load, "core": core.load}


def main() -> None:
    """Answer on socket argv[1] for front-end argv[2] and a ring of argv[3] bytes: plan and descriptors, or an error."""
    with socket.socket(fileno=int(sys.argv[1])) as parent:
        try:
            made = plan(Btf(BTF.read_bytes()), ring_bytes=int(sys.argv[3]), machine=platform.machine())
            loaded = FRONT_ENDS[sys.argv[2]](made)
        except Exception as error:  # whatever a front-end raises, the parent must hear of it
            code, hint = getattr(error, "code", "S07"), getattr(error, "hint", "")
            what = getattr(error, "what", "") or f"{type(error).__name__}: {error}"
            parent.send(json.dumps({"error": what, "code": code, "hint": hint}).encode())
        else:
            _hand_over(parent, made, loaded)
    # The tear-down of LLVM costs time and frees nothing that the end of the process does not.
    os._exit(0)


def _hand_over(parent: socket.socket, made: Plan, loaded: Loaded) -> None:
    """Descriptors in the order BPF_MAPS, programs."""
    plain = {
        "programs": [*loaded.programs],
        "refused": dict(loaded.refused),
        "features": made.features,
        "missing": dict(made.missing),
    }
    descriptors = [*(loaded.maps[name] for name in BPF_MAPS), *loaded.programs.values()]
    socket.send_fds(parent, [json.dumps(plain).encode()], descriptors)


if __name__ == "__main__":
    main()
