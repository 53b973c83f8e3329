from __future__ import annotations

import pytest

from triptych.infra.lab.masks import SUBSETS, name_of, seen_by
from triptych.models import testing
from triptych.models.events import ArgumentFact, Coverage
from triptych.models.turn import Turn

_ALL = SUBSETS[-1]


def _turn() -> Turn:
    prompted = ArgumentFact(pointer="/path", digests=("d1",), size=4, origin="prompt")
    returned = ArgumentFact(pointer="/query", digests=("d2",), size=4, origin="prompt", origin_call="c0")
    whole = Coverage(protocol=True, execution=True, agent=True)
    told = testing.call("read_config", testing.read("/srv/a"), arguments=(prompted, returned), coverage=whole)
    silent = testing.call("post_report", testing.connect("203.0.113.7:443"), at_s=2.0, coverage=whole)
    return testing.turn(told, silent, spans=[testing.span("execute_tool", tool="read_config")])


def test_there_are_three_layers_three_pairs_and_all_of_them() -> None:
    assert sorted(map(len, SUBSETS)) == [1, 1, 1, 2, 2, 2, 3]
    assert name_of(_ALL) == "all three"


def test_all_three_layers_leave_a_turn_as_it_is() -> None:
    assert seen_by(_turn(), _ALL) == _turn()


@pytest.mark.parametrize("layers", [layers for layers in SUBSETS if "execution" not in layers])
def test_without_the_sensor_nothing_of_the_kernel_is_left(layers: tuple[str, ...]) -> None:
    for call in seen_by(_turn(), layers).calls:
        assert not call.effects
        assert not call.coverage.execution


@pytest.mark.parametrize("layers", [layers for layers in SUBSETS if "protocol" not in layers])
def test_without_the_gateway_no_argument_is_left_and_nothing_is_declared(layers: tuple[str, ...]) -> None:
    for call in seen_by(_turn(), layers).calls:
        assert not call.arguments
        assert not any(effect.declared for effect in call.effects)


def test_the_kernel_alone_knows_no_tool() -> None:
    assert {call.tool for call in seen_by(_turn(), ("execution",)).calls} == {"any"}


def test_an_agent_tells_the_tools_of_the_calls_it_announced_and_no_others() -> None:
    assert [call.tool for call in seen_by(_turn(), ("execution", "agent")).calls] == ["read_config", "any"]
    assert [call.tool for call in seen_by(_turn(), ("agent",)).calls] == ["read_config"]


def test_without_the_agent_nobody_knows_what_the_user_named() -> None:
    seen = seen_by(_turn(), ("protocol", "execution"))
    assert not seen.spans
    assert [fact.origin for fact in seen.calls[0].arguments] == ["none", "result"]
