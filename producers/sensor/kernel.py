"""Compiles the kernel programs with BCC and hands their descriptors on. Runs as a short-lived child of the sensor.

The only importer of bcc, and by file: LLVM stays out of the sensor's memory and the rest of dist-packages out of sight.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from ...models.errors import TriptychError
from .btf import Btf
from .program import BPF_MAPS, HEADERS, Plan, plan, to_bcc

__all__ = ["BPF_SOURCES", "BTF", "find_bcc", "main"]

BTF = Path("/sys/kernel/btf/vmlinux")
BPF_SOURCES = Path(__file__).resolve().parents[2] / "bpf"

_PLACES = ("/usr/lib/python3/dist-packages", "/usr/lib/python3*/site-packages", "/usr/lib64/python3*/site-packages")


def find_bcc() -> Path | None:
    """The distribution's bcc package, or None. Never the package of that name on PyPI, which is unrelated."""
    found = (path for place in _PLACES for path in sorted(Path("/").glob(f"{place[1:]}/bcc/libbcc.py")))
    return next((path.parent for path in found), None)


def _import_bcc(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location(
        "bcc", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise TriptychError(f"{folder} cannot be imported", code="S05")
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # bcc 0.26 on newer interpreters
        spec.loader.exec_module(module)
    return module


def _write_headers(folder: Path) -> None:
    files = {**HEADERS, "include/linux/types.h": (BPF_SOURCES / "types.h").read_text()}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _compiled(ring_bytes: int) -> tuple[Plan, list[int]]:
    """The plan for this kernel, and the descriptors of its maps and programs in BPF_MAPS + programs order."""
    done = plan(Btf(BTF.read_bytes()), ring_bytes=ring_bytes)
    folder = find_bcc()
    if folder is None:
        raise TriptychError("BCC is not installed", code="S05")
    with tempfile.TemporaryDirectory(prefix="triptych-bpf-") as headers:
        _write_headers(Path(headers))
        os.environ["BCC_KERNEL_SOURCE"] = headers
        bcc = _import_bcc(folder)
        text = to_bcc((BPF_SOURCES / "sensor.body.c").read_text())
        bpf = bcc.BPF(text=text, cflags=[*done.flags, f"-I{BPF_SOURCES}", "-Wno-everything"])
        loaded = [bpf.load_func(name, bcc.BPF.RAW_TRACEPOINT).fd for name in done.programs]
    return done, [*(bpf[name].map_fd for name in BPF_MAPS), *loaded]


def main() -> None:
    """Compile for a ring of argv[2] bytes; answer on the socket argv[1] with the plan and descriptors, or an error."""
    with socket.socket(fileno=int(sys.argv[1])) as parent:
        try:
            done, descriptors = _compiled(int(sys.argv[2]))
        except Exception as error:  # whatever BCC raises, the parent must hear of it
            code, hint = getattr(error, "code", "S07"), getattr(error, "hint", "")
            parent.send(json.dumps({"error": str(error), "code": code, "hint": hint}).encode())
        else:
            plain = {"programs": done.programs, "features": done.features, "missing": dict(done.missing)}
            socket.send_fds(parent, [json.dumps(plain).encode()], descriptors)
    # The tear-down of BCC and LLVM costs time and frees nothing that the end of the process does not.
    os._exit(0)


if __name__ == "__main__":
    main()
