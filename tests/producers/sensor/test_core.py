"""The prebuilt front-end loads what the kernel takes, one refused program at a time. The object is a stand-in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from triptych.models.errors import TriptychError
from triptych.producers.sensor import core
from triptych.producers.sensor.front_end import Loaded
from triptych.producers.sensor.program import BPF_MAPS, Plan

PLAN = Plan((), ("fork", "exit", "connect"), ("a", "b"), {}, {"events": 4096})


class Object:
    """An object file of which the kernel refuses some programs, and the whole load with them."""

    refused: Collection[str] = ()
    open = 0

    def __init__(self, _path: Path) -> None:
        type(self).open += 1

    def load(self, _plan: Plan, names: Collection[str]) -> str | None:
        return "Invalid argument" if set(names) & set(self.refused) else None

    def loaded(self, names: Collection[str], refused: Mapping[str, str] | None = None) -> Loaded:
        return Loaded(maps=dict.fromkeys(BPF_MAPS, 3), programs=dict.fromkeys(names, 4), refused=refused or {})

    def close(self) -> None:
        type(self).open -= 1


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "find_object", lambda: Path("/object"))
    monkeypatch.setattr(core, "_Object", Object)
    monkeypatch.setattr(Object, "open", 0)


@pytest.mark.parametrize(("refused", "accepted"), [((), ["fork", "exit", "connect"]), (("exit",), ["fork", "connect"])])
def test_what_the_kernel_refuses_is_named_and_the_rest_is_loaded(
    refused: Collection[str], accepted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Object, "refused", refused)
    loaded = core.load(PLAN)
    assert list(loaded.programs) == accepted
    assert loaded.refused == {name: f"program {name}: Invalid argument" for name in refused}
    assert Object.open == 1, "only what lends its descriptors stays open"


def test_a_kernel_that_takes_none_is_an_error_with_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Object, "refused", PLAN.programs)
    with pytest.raises(TriptychError, match="program fork: Invalid argument; program exit") as raised:
        core.load(PLAN)
    assert raised.value.code == "S07"


def test_without_an_object_of_these_sources_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "find_object", lambda: None)
    with pytest.raises(TriptychError, match="no prebuilt object") as raised:
        core.load(PLAN)
    assert (raised.value.code, raised.value.hint) == ("S05", "make bpf")
