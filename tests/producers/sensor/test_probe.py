"""Each missing prerequisite is named on its own, with the next step."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.producers.sensor import kernel, probe, syscalls


def _finding(name: str) -> probe.Finding:
    return next(finding for finding in probe.probe() if finding.name == name)


@pytest.fixture
def effective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says which capabilities, by number, this process seems to have."""
    status = tmp_path / "status"
    monkeypatch.setattr(probe, "_STATUS", status)
    return lambda *numbers: status.write_text(f"Name:\tx\nCapEff:\t{sum(1 << n for n in numbers):016x}\n") and None


def _denied(*_: object) -> int:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_every_finding_has_its_own_code_and_a_next_step() -> None:
    needed = [finding for finding in probe.probe() if finding.needed]
    assert [finding.code for finding in needed] == ["S01", "S02", "S03", "S04", "S05", "S06", "S07"]
    assert all(finding.hint for finding in probe.probe())


@pytest.mark.parametrize("name", probe.CAPABILITIES)
def test_a_further_capability_is_told_by_what_it_gives_and_never_needed(
    name: str, effective: Callable[..., None]
) -> None:
    for numbers, ok in (((), False), ((probe.CAPABILITIES[name].number,), True)):
        effective(*numbers)
        finding = _finding(name)
        assert (finding.code, finding.ok, finding.needed) == ("S12", ok, False)
        assert probe.CAPABILITIES[name].buys in finding.detail


@pytest.mark.parametrize(("call", "name"), [("create_map", "CAP_BPF"), ("load_nothing", "CAP_PERFMON")])
def test_a_refused_system_call_names_its_capability(
    call: str, name: str, effective: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syscalls, call, _denied)
    effective(*{39, 38} - {{"CAP_BPF": 39, "CAP_PERFMON": 38}[name]})
    finding = _finding(name)
    assert not finding.ok
    assert finding.detail.endswith(f"Operation not permitted; {name} is missing")


def test_what_refuses_in_spite_of_the_capabilities_is_not_blamed_on_them(
    effective: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syscalls, "load_nothing", _denied)
    effective(39, 38)
    assert "though CAP_BPF and CAP_PERFMON granted: a seccomp filter" in _finding("CAP_PERFMON").detail


def test_a_refused_tracepoint_is_told_apart_from_a_refused_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "load_nothing", lambda: os.open(os.devnull, os.O_RDONLY))
    monkeypatch.setattr(syscalls, "open_raw_tracepoint", _denied)
    assert _finding("CAP_PERFMON").ok
    assert "refuses a raw tracepoint: Operation not permitted" in _finding("raw tracepoints").detail


def test_either_front_end_is_enough_and_the_prebuilt_one_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "available", lambda: True)
    monkeypatch.setattr(probe, "find_object", lambda: Path("/object"))
    monkeypatch.setattr(probe, "find_bcc", lambda: Path("/bcc"))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert probe.front_ends() == ("core", "bcc")
    monkeypatch.setattr(probe, "find_object", lambda: None)
    assert probe.front_ends() == ("bcc",)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert probe.front_ends() == ()


def test_without_a_front_end_the_packages_are_named_and_the_trap_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_PLACES", ("/nowhere",))
    monkeypatch.setattr(probe, "available", lambda: False)
    finding = _finding("front-end")
    assert not finding.ok
    assert "python3-bpfcc" in finding.hint
    assert "never `pip install bcc`" in finding.hint


def test_without_btf_the_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "BTF", Path("/nowhere/btf"))
    assert "/nowhere/btf is not readable" in _finding("BTF").detail


def test_the_first_missing_thing_is_raised(effective: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    effective()
    monkeypatch.setattr(syscalls, "create_map", _denied)
    monkeypatch.setattr(syscalls, "load_nothing", _denied)
    with pytest.raises(probe.SensorUnavailable, match="CAP_BPF") as raised:
        probe.require()
    assert raised.value.code == "S02"
