"""Which front-end is asked, and what happens when it does not answer well. Needs no kernel."""

from __future__ import annotations

import pytest

from triptych.producers.sensor import loader
from triptych.producers.sensor.probe import SensorUnavailable


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Front-ends in the order they are asked; core never works."""
    order: list[str] = []

    def attached(name: str, _ring_bytes: int) -> str:
        order.append(name)
        if name == "core":
            raise SensorUnavailable("libbpf is too old", code="S07")
        return name

    monkeypatch.setattr(loader, "require", lambda: None)
    monkeypatch.setattr(loader, "front_ends", lambda: ("core", "bcc"))
    monkeypatch.setattr(loader, "_attached", attached)
    return order


def test_auto_takes_the_other_one_when_the_first_does_not_load(asked: list[str]) -> None:
    assert loader.load(4096) == "bcc"  # type: ignore[comparison-overlap]
    assert asked == ["core", "bcc"]


def test_one_that_was_asked_for_by_name_is_not_replaced(asked: list[str]) -> None:
    with pytest.raises(SensorUnavailable, match="too old"):
        loader.load(4096, "core")
    assert asked == ["core"]


def test_a_child_that_dies_is_told_with_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader.sys, "executable", "/bin/false")
    with pytest.raises(SensorUnavailable, match="ended with status 1") as raised:
        loader._loaded("core", 4096)
    assert raised.value.code == "S07"


def test_an_unknown_front_end_is_an_answer_of_the_child_and_no_silence() -> None:
    with pytest.raises(SensorUnavailable, match="did not load"):
        loader._loaded("magic", 4096)
