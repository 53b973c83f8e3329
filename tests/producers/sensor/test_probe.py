"""Each missing prerequisite is named on its own, with the next step."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from triptych.producers.sensor import kernel, probe, syscalls


def _finding(name: str) -> probe.Finding:
    return next(finding for finding in probe.probe() if finding.name == name)


def _denied(*_: object) -> int:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_every_finding_has_its_own_code_and_a_next_step() -> None:
    findings = probe.probe()
    assert [finding.code for finding in findings] == ["S01", "S02", "S03", "S04", "S05", "S06"]
    assert all(finding.hint for finding in findings)


@pytest.mark.parametrize(("call", "name"), [("create_map", "CAP_BPF"), ("load_nothing", "CAP_PERFMON")])
def test_a_refused_system_call_names_its_capability(monkeypatch: pytest.MonkeyPatch, call: str, name: str) -> None:
    monkeypatch.setattr(syscalls, call, _denied)
    finding = _finding(name)
    assert not finding.ok
    assert f"{name} is missing" in finding.detail


def test_without_bcc_the_package_is_named_and_the_trap_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_PLACES", ("/nowhere",))
    finding = _finding("BCC")
    assert not finding.ok
    assert "python3-bpfcc" in finding.hint
    assert "never `pip install bcc`" in finding.hint


def test_without_btf_the_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "BTF", Path("/nowhere/btf"))
    assert "/nowhere/btf is not readable" in _finding("BTF").detail


def test_the_first_missing_thing_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "create_map", _denied)
    monkeypatch.setattr(syscalls, "load_nothing", _denied)
    with pytest.raises(probe.SensorUnavailable, match="CAP_BPF") as raised:
        probe.require()
    assert raised.value.code == "S02"
