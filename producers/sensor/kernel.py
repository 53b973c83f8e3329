"""The front-end that compiles on this machine: the body in BCC's dialect, offsets as macros. Run only by child.py.

The only importer of bcc, and by file: the rest of dist-packages stays out of sight.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from ...models.errors import TriptychError
from .front_end import BPF_SOURCES, Loaded
from .program import BPF_MAPS, HEADERS, Plan, joined, to_bcc

__all__ = ["find_bcc", "load"]

_PLACES = ("/usr/lib/python3/dist-packages", "/usr/lib/python3*/site-packages", "/usr/lib64/python3*/site-packages")


def find_bcc() -> Path | None:
    """The distribution's bcc package, or None. Never the package of that name on PyPI, which is unrelated."""
    found = (path for place in _PLACES for path in sorted(Path("/").glob(f"{place[1:]}/bcc/libbcc.py")))
    return next((path.parent for path in found), None)


def load(plan: Plan) -> Loaded:
    """Compile and load. Raises TriptychError S05 without BCC, and whatever BCC raises when it cannot compile."""
    folder = find_bcc()
    if folder is None:
        raise TriptychError("BCC is not installed", code="S05")
    with tempfile.TemporaryDirectory(prefix="triptych-bpf-") as headers:
        _write_headers(Path(headers))
        os.environ["BCC_KERNEL_SOURCE"] = headers
        bcc = _import_bcc(folder)
        text = to_bcc(joined("sensor.body.c", lambda name: (BPF_SOURCES / name).read_text()))
        bpf = bcc.BPF(text=text, cflags=[*plan.flags, f"-I{BPF_SOURCES}", "-Wno-everything"])
        programs: dict[str, int] = {}
        refused: dict[str, str] = {}
        for name in plan.programs:
            try:
                programs[name] = bpf.load_func(name, bcc.BPF.RAW_TRACEPOINT).fd
            except Exception as error:  # BCC raises a bare Exception
                refused[name] = f"program {name}: {error}"
    return Loaded(maps={name: bpf[name].map_fd for name in BPF_MAPS}, programs=programs, refused=refused)


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
