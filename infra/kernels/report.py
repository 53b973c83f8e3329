"""The matrix as tables, and their place in bpf/README.md between two markers. Pure but for `publish`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .compare import kinds
from .errors import KernelsError
from .matrix import Row

__all__ = ["BEGIN", "END", "publish", "tables"]

BEGIN, END = "<!-- kernels: written by make kernels -->", "<!-- /kernels -->"

_KINDS = (
    *("exec", "fork", "exit", "open", "io", "change", "connect", "listen", "accept", "flow"),
    *("dns", "descriptor", "escape"),
)


def tables(rows: Sequence[Row]) -> str:
    """Features and hooks of every kernel, then the events each told of the known workload."""
    hooks = sorted({name for row in rows for name in row.told.get("programs", ())})
    return "\n\n".join(
        [
            _table(["kernel", "missing", *(f"`{hook}`" for hook in hooks)], (_hooks(row, hooks) for row in rows)),
            _table(["events of the known workload", *_KINDS, "lost"], (_events(row) for row in rows)),
        ]
    )


def publish(path: Path, text: str) -> None:
    """Put `text` between the markers in the file at `path`. Raises KernelsError N04 where they are not."""
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise KernelsError(f"{path.name} has no place for the table", f"put {BEGIN} and {END} into it", code="N04")
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def _name(row: Row) -> str:
    return f"{row.abi or row.series.name} {row.series.architecture}"


def _hooks(row: Row, hooks: Iterable[str]) -> list[str]:
    if row.error:
        return [_name(row), f"**{_plain(row.error)}**", *("" for _ in hooks)]
    missing = ", ".join(f"{feature} ({_plain(why)})" for feature, why in sorted(_told(row, "missing").items()))
    return [_name(row), missing or "nothing", *("yes" if hook in _told(row, "programs") else "-" for hook in hooks)]


def _events(row: Row) -> list[str]:
    counts = kinds(_told(row, "events") or ())
    return [_name(row), *(str(counts[kind]) for kind in _KINDS), str(_told(row, "lost"))]


def _told(row: Row, key: str) -> Any:
    return row.told.get(key, {})


def _plain(text: str) -> str:
    """On one line, and no column's end."""
    return text.splitlines()[0].replace("|", "/")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
