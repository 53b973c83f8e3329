"""Correlations over the places that workers share: the same findings in every order, by any number of workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.detections.engine import Memory, WindowHit
from triptych.models.events import Call
from triptych.models.sigma import SigmaRules
from triptych.models.sigma.reading import read_texts
from triptych.models.testing import call, read, turn
from triptych.models.turn import EARLY

RULES = """
title: read of a mail
id: 00000000-0000-4000-8000-0000000000aa
name: mail
logsource: {product: mcp, category: execution}
detection: {selection: {file.path|startswith: /mail/}, condition: selection}
---
title: Mails read one after the other
id: 00000000-0000-4000-8000-0000000000bb
level: high
correlation:
  {type: value_count, rules: [mail], group-by: [enduser.id], timespan: 10m, condition: {field: file.path, gte: 3}}
"""
CALLS = [call("read_mail", read(f"/mail/{number}", 60 * number), at_s=60 * number) for number in range(6)]


def rules() -> SigmaRules:
    return SigmaRules(*read_texts([(Path("rules.yml"), RULES)]))


def told(calls: Iterable[Call], workers: Mapping[int, SigmaRules], memory: Memory) -> list[WindowHit]:
    found: list[WindowHit] = []
    for number, one in enumerate(calls):
        worker = workers[number % len(workers)]
        windows = {addition.place: memory.add(addition) for addition in worker.additions(one)}
        found += worker.watch(one, windows).hits
    return found


def keys(calls: Iterable[Call], workers: int = 1) -> set[str]:
    return {hit.key for hit in told(calls, {number: rules() for number in range(workers)}, Memory())}


@given(st.permutations(CALLS), st.integers(1, 3))
def test_neither_order_nor_workers_change_which_findings_there_are(calls: list[Call], workers: int) -> None:
    assert keys(calls, workers) == keys(CALLS) != set()


def test_a_restart_forgets_nothing_and_a_repetition_counts_nothing() -> None:
    memory = Memory()
    assert told(CALLS[:2] * 3, {0: rules()}, memory) == []
    (hit,) = told(CALLS[2:3], {0: rules()}, memory)
    assert hit.hit.rule.severity == "high"
    assert hit.hit.matches[0].said == ("Mails read one after the other: 3 within 600 s of ann",)
    (again,) = told(CALLS[2:3], {0: rules()}, memory)
    assert again.key == hit.key


def test_what_only_correlations_count_is_no_finding() -> None:
    assert rules().evaluate(turn(*CALLS)) == ()


def test_an_early_record_waits_for_its_call() -> None:
    early = replace(CALLS[0], coverage=replace(CALLS[0].coverage, notes=(EARLY,)))
    assert rules().additions(early) == ()
    assert not rules().watch(early, {}).hits


def test_an_event_of_a_thousand_groups_counts_in_a_few() -> None:
    text = RULES.replace("category: execution", "category: call").replace("[enduser.id]", "[file.path, process.pid]")
    busy = call("read_mail", *(replace(read(f"/mail/{n}", n / 100), pid=n) for n in range(40)))
    assert len(SigmaRules(*read_texts([(Path("rules.yml"), text)])).additions(busy)) == 64


@pytest.mark.parametrize("kind", ["event_count", "value_count"])
def test_what_is_remembered_of_a_group_is_bounded(kind: str) -> None:
    text = RULES.replace("value_count", kind)
    text = text if kind == "value_count" else text.replace("field: file.path, ", "")
    ((addition,),) = [SigmaRules(*read_texts([(Path("rules.yml"), text)])).additions(CALLS[0])]
    assert addition.reach.most == {"event_count": 256, "value_count": 4_096}[kind]
