"""What a front-end is asked and answers: it loads the planned programs and says which of them the kernel refused.

Two exist: kernel.py (compiled by BCC on this machine) and core.py (prebuilt objects through libbpf).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["BPF_SOURCES", "BTF", "Loaded"]

BTF = Path("/sys/kernel/btf/vmlinux")
BPF_SOURCES = Path(__file__).resolve().parents[2] / "bpf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Descriptors of maps and programs by name, and why each other planned program was refused."""

    maps: Mapping[str, int]
    programs: Mapping[str, int]
    refused: Mapping[str, str] = field(default_factory=dict)
