"""Sigma correlations as stage 2 holds them: workers count together, and a restart in mid-window forgets nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert, Call
from triptych.models.sigma import SigmaRules
from triptych.models.sigma.reading import read_texts
from triptych.models.testing import call
from triptych.streams.judgement import Judge, Judging
from triptych.streams.memory import MemoryStore
from triptych.streams.pins import Pin
from triptych.streams.turns import JudgeTimes, Turns

RULES = """
title: Refused
id: 00000000-0000-4000-8000-000000000001
name: refused
logsource: {product: mcp, category: call}
detection: {selection: {mcp.call.is_error: true}, condition: selection}
---
title: Refused again and again
id: 00000000-0000-4000-8000-000000000002
level: high
correlation: {type: event_count, rules: [refused], group-by: [enduser.id], timespan: 5m, condition: {gte: 4}}
"""
BOOK = Rulebook([])


def refused(number: int) -> Call:
    made = call("query", at_s=30.0 * number, correlation_id=f"{number:032x}", is_error=True)
    return replace(made, call_id=f"refused-{number}")


def stage() -> Turns:
    sigma = SigmaRules(*read_texts([(Path("rules.yml"), RULES)]))
    return Turns(JudgeTimes(), Judge(Judging(), BOOK, others=(sigma,)))


def told(calls: Sequence[Call], stages: Sequence[Turns], store: MemoryStore) -> list[Alert]:
    """What is told of calls that the stages read in turn, all over one store."""
    alerts: list[Alert] = []
    for number, one in enumerate(calls):
        worker = stages[number % len(stages)]
        step = worker.add(one, Pin(), asyncio.run(store.lookup(worker.wanted([one]))))
        alerts += [output.value for output in step.outputs if isinstance(output.value, Alert)]
        asyncio.run(store.apply(step.writes))
    return alerts


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_tells_one_finding(workers: int) -> None:
    alerts = told([refused(n) for n in range(7)], [stage() for _ in range(workers)], MemoryStore())
    (alone,) = {alert.finding_uid for alert in told([refused(n) for n in range(7)], [stage()], MemoryStore())}
    assert {alert.finding_uid for alert in alerts} == {alone}
    assert alerts[0].title == "Refused again and again: query on files"
    assert any("4 within 300 s of ann" in reason.fact for reason in alerts[0].reasons)


def test_a_restart_in_mid_window_forgets_nothing_and_tells_nothing_twice() -> None:
    store = MemoryStore()
    assert told([refused(n) for n in range(3)], [stage()], store) == []
    (first,) = told([refused(2), refused(3)], [stage()], store)
    again = told([refused(2), refused(3)], [stage()], store)
    assert {alert.finding_uid for alert in again} <= {first.finding_uid}


def test_what_comes_late_completes_the_window_behind_it() -> None:
    calls = [refused(n) for n in (0, 1, 3, 2)]
    (alert,) = told(calls, [stage()], MemoryStore())
    assert alert.call_ids == ("refused-2",)
