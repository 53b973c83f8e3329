"""What is measured beside the gates: intervals, poison, a naive matrix, and a stream, on a made-up extract."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from triptych.infra.bench.detection import naive, poison, stream
from triptych.infra.bench.detection.evaluate import cases
from triptych.infra.bench.detection.extract import Extract, Run
from triptych.infra.bench.detection.resampling import Ranked, interval

TASKS = [("bank", f"t{n}") for n in range(12)]


def _call(tool: str, *arguments: tuple[str, str, str]) -> dict[str, Any]:
    return {"t": tool, "n": 40, "e": 0, "a": [[name, 9, value, flags] for name, value, flags in arguments]}


def _run(draw: random.Random, number: int, pipeline: str, task: str, goal: str | None) -> Run:
    odd = f"odd{draw.random()}" if draw.random() < 0.3 else f"payee-{task}"
    calls = [_call("get_bills"), _call("send_money", ("recipient", odd, "u"), ("amount", f"sum-{task}", "o"))]
    if goal:
        calls.append(_call("send_money", ("recipient", "thief", "o"), ("amount", "lots", "o")))
    return Run(pipeline, "bank", task, goal, number, calls)


@pytest.fixture(scope="module")
def extract() -> Extract:
    draw = random.Random(3)
    pairs = [(pipe, task) for pipe in ("gpt-1", "gpt-2", "claude-1", "claude-2") for _, task in TASKS]
    benign = [_run(draw, n, pipe, task, None) for n, (pipe, task) in enumerate(pairs * 2)]
    attacks = [_run(draw, 1000 + n, pipe, task, "goal") for n, (pipe, task) in enumerate(pairs)]
    return Extract(benign, attacks)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(fit: Callable[..., Any]) -> Callable[..., Any]:
        return lambda normal, *, seed: fit(normal, seed=seed, trees=20)

    for module in (naive, poison, stream):
        monkeypatch.setattr(module, "fit", few(module.fit))


def test_an_interval_by_task_holds_the_figure_and_shrinks_with_agreement() -> None:
    benign = np.linspace(0, 1, 120)
    tasks = [TASKS[n % 12] for n in range(120)]
    clear = interval([Ranked(benign, benign + 2, (tasks, tasks))], draws=40)[0]
    by_task = np.repeat(np.linspace(0, 1, 12), 10)  # the attacks on some tasks score high, on others low
    low, high = interval([Ranked(benign, by_task, (tasks, sorted(tasks)))], draws=40)[0]
    assert clear == pytest.approx((1.0, 1.0))
    assert low < high


def test_an_interval_needs_no_task_on_both_sides() -> None:
    one = Ranked(np.zeros(3), np.ones(3), ([TASKS[0]] * 3, [TASKS[1]] * 3))
    assert interval([one], draws=40) == [pytest.approx((1.0, 1.0))] * 3


def test_poison_is_one_principal_in_sessions_of_its_own(extract: Extract) -> None:
    turns = poison._poison(extract.attacks[:2], 5)
    assert len({turn.key for turn in turns}) == 5
    assert {turn.calls[0].principal.id for turn in turns} == {"attacker"}


def test_poison_by_one_principal_hides_no_attack(extract: Extract) -> None:
    clean, poisoned = ([*poison.kept(extract, share, 0)] for share in (0.0, 0.05))
    assert len(clean) == len(poisoned) == 2
    assert min(poisoned) > 0.5


def test_a_naive_matrix_ranks_attacks_no_better(extract: Extract) -> None:
    made = [case for case in cases(extract, "prompt", unseen=False) if case.direction == 0]
    assert naive.gain(made, 0) >= 0


def test_a_stream_judges_before_it_learns_and_tells_of_both_halves(
    extract: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_WARM", 40)
    monkeypatch.setattr(stream, "_ATTACKS", 0.1)
    found = stream.replayed(extract, 0)
    assert found == stream.replayed(extract, 0)
    assert max(found.harmless) < 0.3
    assert max(found.attacks) > 0.3
