"""The two front-ends load one program: of a known workload both tell the same, byte for byte, and all of it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from triptych.infra.kernels import compare
from triptych.infra.kernels.normalise import alike, normalised
from triptych.infra.kernels.observe import Observation, observe
from triptych.producers.sensor import loader, ring
from triptych.producers.sensor.probe import front_ends
from triptych.producers.sensor.syscalls import open_raw_tracepoint

pytestmark = pytest.mark.kernel

FRONT_ENDS = ("core", "bcc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("known")


@pytest.fixture(scope="module")
def seen(folder: Path) -> dict[str, Observation]:
    return {name: observe(name, folder) for name in FRONT_ENDS}


def _lines(observation: Observation, folder: Path) -> list[str]:
    return normalised(observation.records, observation.flows, observation.files, folder)


def test_this_machine_has_both_front_ends() -> None:
    assert front_ends() == FRONT_ENDS, "make bpf builds the prebuilt object; the distribution has python3-bpfcc"


def test_both_tell_the_same_events_byte_for_byte(seen: dict[str, Observation]) -> None:
    assert seen["core"].records
    assert alike(seen["core"].records) == alike(seen["bcc"].records)


def test_both_sum_the_same_bytes(seen: dict[str, Observation], folder: Path) -> None:
    sums = [[line for line in _lines(seen[name], folder) if line.startswith(("flow", "sum"))] for name in FRONT_ENDS]
    assert sums[0]
    assert sums[0] == sums[1]


def test_both_serve_the_same_features(seen: dict[str, Observation]) -> None:
    assert seen["core"].features == seen["bcc"].features
    assert seen["core"].missing == seen["bcc"].missing


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_the_known_workload_comes_out_to_the_event(name: str, seen: dict[str, Observation], folder: Path) -> None:
    expected = compare.kinds(compare.read(compare.EXPECTED.read_text()).elements())
    assert compare.kinds(_lines(seen[name], folder)) == expected
    assert seen[name].lost == 0


def test_libbpf_reads_from_the_ring_what_the_mapping_reads(
    seen: dict[str, Observation], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "open_ring", ring.LibbpfRing)
    assert alike(observe("core", folder).records) == alike(seen["core"].records)


@pytest.fixture
def without_connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(name: str, program: int) -> int:
        if name == "inet_sock_set_state":
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        return open_raw_tracepoint(name, program)

    monkeypatch.setattr(loader, "open_raw_tracepoint", refuse)
    yield


@pytest.mark.usefixtures("without_connect")
def test_a_refused_tracepoint_switches_off_its_feature_and_no_other(seen: dict[str, Observation]) -> None:
    with loader.load(1 << 16) as kernel:
        assert set(seen["core"].features) - set(kernel.features) == {"connect"}
        assert "inet_sock_set_state refuses its program" in kernel.missing["connect"]
        assert "inet_sock_set_state" not in kernel.links
