"""The way from a series to a report, with the mirror and the emulator stood in for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from triptych.infra.kernels import machine, matrix, userland
from triptych.infra.kernels.catalogue import Series
from triptych.infra.kernels.errors import KernelsError
from triptych.infra.kernels.guest import MARK

PACKAGES = ["linux-image-6.1.0-50-cloud-amd64", "linux-image-6.1.0-49-cloud-amd64"]
SERIES = Series("6.1", "amd64")


class Mirror:
    """An archive of two kernels, of which those in `gone` are listed and not there."""

    gone: Iterable[str] = ()

    def __init__(self, _folder: Path) -> None:
        self.fetched: list[str] = []

    def update(self) -> None: ...

    def names(self, _part: str, _architecture: str) -> list[str]:
        return PACKAGES

    def fetch(self, name: str, _architecture: str, _suite: str = "") -> Path:
        if name in self.gone:
            raise KernelsError(f"{name}: 404")
        self.fetched.append(name)
        return Path(name)

    def unpack(self, debs: Iterable[Path], target: Path) -> None:
        (target / "boot").mkdir(parents=True, exist_ok=True)
        (target / "boot" / "vmlinuz").write_text(f"{next(iter(debs))}")


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "Archive", Mirror)
    monkeypatch.setattr(Mirror, "gone", ())
    monkeypatch.setattr(machine, "machines_missing", list)
    monkeypatch.setattr(userland, "base", lambda _archive, _architecture, target: target.mkdir(parents=True))
    monkeypatch.setattr(userland, "ours", lambda _target: None)


def _boots(monkeypatch: pytest.MonkeyPatch, said: str) -> list[str]:
    booted: list[str] = []

    def boot(what: machine.Boot) -> str:
        booted.append(what.kernel.read_text())
        return said

    monkeypatch.setattr(machine, "boot", boot)
    return booted


def test_a_report_cut_into_lines_is_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps({"lost": 0, "events": ["open path=~"]})
    booted = _boots(monkeypatch, f"[1.0] kernel\n{MARK}{text[:9]}\n{MARK}{text[9:]}\n")
    (row,) = matrix.run([SERIES], tmp_path)
    assert (row.abi, row.error, row.told["events"]) == ("6.1.0-50", "", ["open path=~"])
    assert booted == [PACKAGES[0]]


def test_the_next_older_kernel_stands_in_for_one_that_left_the_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mirror, "gone", PACKAGES[:1])
    _boots(monkeypatch, f'{MARK}{{"lost": 0}}\n')
    (row,) = matrix.run([SERIES], tmp_path)
    assert (row.abi, row.error) == ("6.1.0-49", "")


@pytest.mark.parametrize(
    ("said", "why"),
    [("", "told nothing"), (f'{MARK}{{"lost"', "broke off"), (f'{MARK}{{"error": "S06 no ring"}}\n', "S06 no ring")],
)
def test_a_guest_that_fails_is_a_row_with_its_reason(
    said: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _boots(monkeypatch, said)
    (row,) = matrix.run([SERIES], tmp_path)
    assert why in row.error
    assert row.told == {}


def test_a_series_without_a_kernel_is_a_row_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mirror, "gone", PACKAGES)
    rows = list(matrix.run([SERIES, Series("9.9", "amd64")], tmp_path))
    assert [row.error for row in rows] == [f"amd64 6.1: {PACKAGES[1]}: 404", "amd64 9.9: no package"]


def test_without_emulators_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "machines_missing", lambda: ["qemu-system-aarch64"])
    with pytest.raises(KernelsError, match="qemu-system-aarch64"):
        next(matrix.run([SERIES], tmp_path))
