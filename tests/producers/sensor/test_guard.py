"""The sensor notices when a descriptor is not the link any more that it made."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.producers.sensor.guard import Guard


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Guard, Path]:
    """One link, as the kernel describes it."""
    monkeypatch.setattr("triptych.producers.sensor.guard._FDINFO", tmp_path)
    described = tmp_path / "5"
    described.write_text("pos:\t0\nlink_type:\traw_tracepoint\nlink_id:\t7\nprog_id:\t9\ntp_name:\tsys_exit\n")
    return Guard({"sys_exit": 5}), described


def test_a_link_that_stays_is_not_told(guarded: tuple[Guard, Path]) -> None:
    guard, described = guarded
    described.write_text(described.read_text().replace("pos:\t0", "pos:\t1"))
    assert guard.gone() == ()


def test_a_closed_link_is_gone(guarded: tuple[Guard, Path]) -> None:
    guard, described = guarded
    described.unlink()
    assert guard.gone() == ("sys_exit",)


def test_another_program_on_the_same_descriptor_is_no_link_of_ours(guarded: tuple[Guard, Path]) -> None:
    guard, described = guarded
    described.write_text(described.read_text().replace("prog_id:\t9", "prog_id:\t10"))
    assert guard.gone() == ("sys_exit",)
