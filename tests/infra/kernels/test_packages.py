"""An apt of our own: what it is told, and that a package is fetched once. apt-get itself is stood in for."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.infra.kernels.errors import KernelsError
from triptych.infra.kernels.packages import Archive

APT = """#!/bin/sh
echo "$*" >> "{log}"
case "$*" in *absent*) echo "E: Unable to locate package" >&2; exit 100;; esac
echo deb > "tool_1%3a2_arm64.deb"
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    apt = tmp_path / "bin" / "apt-get"
    apt.write_text(APT.format(log=tmp_path / "log"))
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path / "log"


def test_a_package_is_fetched_once_whatever_its_file_is_called(log: Path, tmp_path: Path) -> None:
    files = [Archive(tmp_path / "cache").fetch("tool", "arm64", "bookworm") for _ in range(2)]
    assert files[0] == files[1]
    assert files[0].read_text() == "deb\n"
    assert log.read_text() == "-q download tool:arm64/bookworm\n"


def test_what_apt_says_is_told_and_not_remembered_as_a_package(log: Path, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "cache")
    for _ in range(2):
        with pytest.raises(KernelsError, match="Unable to locate") as raised:
            archive.fetch("absent", "amd64")
        assert raised.value.code == "N01"
    assert len(log.read_text().splitlines()) == 2


def test_its_apt_reads_and_writes_nothing_of_the_systems(tmp_path: Path) -> None:
    Archive(tmp_path)
    text = (tmp_path / "apt" / "apt.conf").read_text()
    paths = [line for line in text.replace(";", "\n").splitlines() if line.strip().startswith("Dir::")]
    assert len(paths) == 7
    assert all(str(tmp_path) in line for line in paths)
