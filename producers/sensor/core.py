"""The front-end that compiles nothing: prebuilt objects of bpf/, which libbpf fits to the running kernel (CO-RE).

Needs libbpf.so.1 (0.5 MB) and no LLVM. Run only by child.py.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Collection, Iterator
from pathlib import Path

from ...models.errors import TriptychError
from .front_end import Loaded
from .libbpf import libbpf
from .objects import find_object
from .program import BPF_MAPS, Plan

__all__ = ["load"]

_LOG_BYTES = 1 << 16
_STATISTICS = ("processed ", "verification time", "stack depth")


def load(plan: Plan) -> Loaded:
    """Load what the kernel takes of the plan. Raises TriptychError: S05 no object or library, S07 all refused."""
    path = find_object()
    if path is None:
        raise TriptychError(f"no prebuilt object of these sources for {platform.machine()}", "make bpf", code="S05")
    whole = _Object(path)
    error = whole.load(plan, plan.programs)
    if error is None:
        return whole.loaded(plan.programs)
    whole.close()
    return _one_by_one(path, plan)


def _one_by_one(path: Path, plan: Plan) -> Loaded:
    """One refused program spoils a load, so each is tried alone first."""
    refused: dict[str, str] = {}
    for name in plan.programs:
        alone = _Object(path)
        error = alone.load(plan, {name})
        if error is not None:
            refused[name] = f"program {name}: {error}"
        alone.close()
    accepted = [name for name in plan.programs if name not in refused]
    rest = _Object(path)
    error = rest.load(plan, accepted) if accepted else "the kernel takes none of them"
    if error is not None:
        raise TriptychError("; ".join([error, *refused.values()]), code="S07")
    return rest.loaded(accepted, refused)


class _Object:
    """One opened object file. Descriptors it lends live until close(), or the end of the process."""

    def __init__(self, path: Path) -> None:
        try:
            self._library = libbpf()
        except OSError as error:
            raise TriptychError(f"libbpf cannot be loaded: {error}", code="S05") from error
        self._handle = self._library.bpf_object__open_file(os.fsencode(path), None)
        if not self._handle:
            raise TriptychError(f"{path.name} cannot be opened: {os.strerror(ctypes.get_errno())}", code="S07")
        self._logs: list[ctypes.Array[ctypes.c_char]] = []

    def load(self, plan: Plan, names: Collection[str]) -> str | None:
        """Load these programs only; None, or why it did not work."""
        for name, program in self._programs():
            self._library.bpf_program__set_autoload(program, name in names)
            if len(names) == 1 and name in names:
                self._logs.append(ctypes.create_string_buffer(_LOG_BYTES))
                self._library.bpf_program__set_log_buf(program, self._logs[-1], _LOG_BYTES)
        for name, entries in plan.entries.items():
            self._library.bpf_map__set_max_entries(self._map(name), entries)
        failed = self._library.bpf_object__load(self._handle)
        return f"{os.strerror(-failed)}{self._last_words()}" if failed else None

    def loaded(self, names: Collection[str], refused: dict[str, str] | None = None) -> Loaded:
        return Loaded(
            maps={name: self._library.bpf_map__fd(self._map(name)) for name in BPF_MAPS},
            programs={
                name: self._library.bpf_program__fd(program) for name, program in self._programs() if name in names
            },
            refused=refused or {},
        )

    def close(self) -> None:
        self._library.bpf_object__close(self._handle)

    def _map(self, name: str) -> int:
        found = self._library.bpf_object__find_map_by_name(self._handle, name.encode())
        if not found:
            raise TriptychError(f"the prebuilt object has no map {name}", "make bpf", code="S07")
        return int(found)

    def _programs(self) -> Iterator[tuple[str, int]]:
        program = self._library.bpf_object__next_program(self._handle, None)
        while program:
            yield self._library.bpf_program__name(program).decode(), program
            program = self._library.bpf_object__next_program(self._handle, program)

    def _last_words(self) -> str:
        """What the verifier said last, before its statistics."""
        lines = [line for log in self._logs for line in log.value.decode(errors="replace").splitlines()]
        told = [line for line in lines if line and not line.startswith(_STATISTICS)]
        return f" ({told[-1]})" if told else ""
