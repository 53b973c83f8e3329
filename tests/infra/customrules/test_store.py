"""Python rules where a worker asks them: beside the store, with the calls of a chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from patience import PATIENCE_S

from triptych.infra.customrules.rules import PythonRules
from triptych.infra.customrules.sandbox import Budget
from triptych.infra.customrules.store import AskingStore
from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert, Call
from triptych.models.testing import call, read
from triptych.streams.judgement import Judge, Judging
from triptych.streams.memory import MemoryStore
from triptych.streams.pins import Pin
from triptych.streams.turns import JudgeTimes, Turns

PAYROLL = """
def rule(call):
    return any((effect.path or "").startswith("/srv/payroll/") for effect in call.effects)
"""
BAD = "def rule(call):\n    raise ValueError('bad')\n"


class Worker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = AskingStore(MemoryStore(), PythonRules(()))
        self.stage = Turns(JudgeTimes(), Judge(Judging(), Rulebook.load()))

    def use(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)
        self.store.use(PythonRules.load([self.folder], Budget(call_s=PATIENCE_S)))

    async def take(self, *calls: Call) -> list[Alert]:
        known = await self.store.lookup(self.stage.wanted(calls))
        steps = [self.stage.add(one, Pin(), known) for one in calls]
        for step in steps:
            await self.store.apply(step.writes)
        return [out.value for step in steps for out in step.outputs if isinstance(out.value, Alert)]


@pytest_asyncio.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    worker = Worker(tmp_path)
    yield worker
    await worker.store.close()


async def test_a_hit_becomes_a_finding_and_a_call_without_one_does_not(worker: Worker) -> None:
    worker.use(payroll=PAYROLL)
    (told,) = await worker.take(call("report", read("/srv/payroll/2026.csv")))
    assert told.rules[0].id == "python.payroll"
    assert await worker.take(call("report", read("/srv/open"), at_s=2, correlation_id="b" * 32)) == []


async def test_the_same_calls_give_the_same_finding(worker: Worker, tmp_path: Path) -> None:
    worker.use(payroll=PAYROLL)
    again = Worker(tmp_path)
    again.use()
    one = call("report", read("/srv/payroll/2026.csv"))
    assert [alert.event_id for alert in await worker.take(one)] == [alert.event_id for alert in await again.take(one)]
    await again.store.close()


async def test_a_rule_that_fails_is_one_low_finding_and_a_count(worker: Worker) -> None:
    worker.use(bad=BAD, payroll=PAYROLL)
    calls = [call("list_dir", at_s=at_s, correlation_id=f"{at_s:032x}") for at_s in range(1, 10)]
    (told,) = await worker.take(*calls)
    assert (told.severity, told.rules[0].id) == ("low", "hygiene.rule-failed")
    assert "ValueError: bad" in told.title
    assert worker.stage.counts()["rule_failed"] == 3, "after three in a row it is left alone"
    (found,) = await worker.take(call("report", read("/srv/payroll/2026.csv"), at_s=20, correlation_id="c" * 32))
    assert found.rules[0].id == "python.payroll"


async def test_rules_are_replaced_while_a_worker_runs(worker: Worker) -> None:
    worker.use(payroll=PAYROLL)
    assert await worker.take(call("report", read("/srv/wages/a"))) == []
    worker.use(payroll=PAYROLL.replace("payroll", "wages"))
    (told,) = await worker.take(call("report", read("/srv/wages/a"), at_s=5, correlation_id="d" * 32))
    assert told.rules[0].id == "python.payroll"


async def test_a_failure_is_told_again_when_its_call_is_asked_about_again(worker: Worker) -> None:
    worker.use(bad=BAD)
    one = call("reader", read("/srv/payroll/2026.csv"))
    wanted = worker.stage.wanted((one,))
    first, again = [await worker.store.lookup(wanted) for _ in range(2)]
    assert first.hits == again.hits
    assert len(again.hits) == 1
