"""What is said of an effect is held against the truth, for us and for the naive joins alike."""

from __future__ import annotations

import pytest

from triptych.infra.bench.attribution.judge import WINDOW_NS, Asked, Effect, Run, score
from triptych.models.events import Binding

ASKED = tuple(Asked(call=call, at_ns=call * WINDOW_NS // 2) for call in (1, 2, 3, 4))


def _effect(truth: int, at_ns: int, *named: int, binding: Binding = "candidates", tool: str = "sync") -> Effect:
    return Effect(truth=truth, tool=tool, at_ns=at_ns, named=frozenset(named), binding=binding)


def _run(*effects: Effect) -> Run:
    return Run(asked=ASKED, effects=effects)


def test_a_set_that_holds_the_truth_is_found_and_costs_precision() -> None:
    found = score([_run(_effect(1, 0, 1, 2, 3, 4))], "triptych")
    assert (found.recall, found.precision, found.certain) == (100, 25, 0)


@pytest.mark.parametrize(("truth", "wrong"), [(1, 0), (2, 1)])
def test_an_exact_binding_is_right_or_counted_as_wrong(truth: int, wrong: int) -> None:
    found = score([_run(_effect(truth, 0, 1, binding="exact"))], "triptych")
    assert (found.share("exact"), found.wrong["exact"], found.certain_wrong) == (100, wrong, wrong)


def test_the_window_says_every_call_of_the_last_half_second() -> None:
    run = _run(_effect(2, ASKED[2].at_ns + 1))
    found = score([run], "window 500 ms")
    assert (found.hits, found.claims) == (1, 2)


def test_a_window_misses_what_acts_later() -> None:
    assert score([_run(_effect(1, ASKED[3].at_ns))], "window 500 ms").recall == 0


def test_the_last_request_is_right_only_while_no_other_comes() -> None:
    run = _run(_effect(2, ASKED[1].at_ns + 1), _effect(1, ASKED[1].at_ns + 1), _effect(1, 0))
    found = score([run], "last request")
    assert (found.certain, found.certain_wrong, found.hits) == (2, 1, 1)


def test_tools_are_judged_apart() -> None:
    run = _run(_effect(1, 0, 1), _effect(1, 0, 2, tool="daemon"))
    assert score([run], "triptych", ["daemon"]).recall == 0
    assert score([run], "triptych").effects == 2
