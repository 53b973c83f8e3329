"""What of a serial line is the guest's own, and what the host does when there is nothing to boot with."""

from __future__ import annotations

from pathlib import Path

import pytest
from patience import PATIENCE_S

from triptych.infra.kernels import machine
from triptych.infra.kernels.errors import KernelsError


def test_the_kernels_own_words_are_left_out() -> None:
    assert machine.lines('[ 0.1] hello\n@@{"a": \n[ 0.2] random\n@@1}\n', "@@") == ['{"a": ', "1}"]


@pytest.mark.parametrize(
    ("script", "limit_s", "what"),
    [
        ("#!/bin/sh\nsleep 30\n", 0.3, "no end after"),
        ("#!/bin/sh\necho no such device >&2\nexit 1\n", PATIENCE_S, "no such device"),
    ],
)
def test_a_machine_that_does_not_end_well_is_told(
    script: str, limit_s: float, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = tmp_path / "qemu-system-x86_64"
    emulator.write_text(script)
    emulator.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    boot = machine.Boot(architecture="amd64", kernel=tmp_path, image=tmp_path, limit_s=limit_s)
    with pytest.raises(KernelsError, match=what) as raised:
        machine.boot(boot)
    assert raised.value.code == "N03"


def test_escapes_and_carriage_returns_of_a_terminal_are_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = tmp_path / "qemu-system-aarch64"
    emulator.write_text("#!/bin/sh\nprintf '\\033[2J\\033[01;01H@@{}\\r\\n'\n")
    emulator.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    said = machine.boot(machine.Boot(architecture="arm64", kernel=tmp_path, image=tmp_path))
    assert machine.lines(said, "@@") == ["{}"]


def test_an_emulator_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert machine.machines_missing() == ["qemu-system-x86_64", "qemu-system-aarch64"]
