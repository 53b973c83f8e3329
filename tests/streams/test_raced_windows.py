"""One window that two workers complete: one finding, and whoever follows its revisions ends right."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import permutations

import orjson
import pytest

from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert, Call
from triptych.models.incidents.member import Windows
from triptych.models.testing import START_NS, call
from triptych.streams.incidentmemory import IncidentMemory
from triptych.streams.incidents import Gathering, Incidents
from triptych.streams.judgement import Judge, Judging
from triptych.streams.known import Known
from triptych.streams.memory import MemoryStore
from triptych.streams.pins import Pin
from triptych.streams.stage import Step
from triptych.streams.turns import JudgeTimes, Turns

RULES = Rulebook.load()


def probes(*servers: str) -> list[Call]:
    """Refused requests of ever other forms in one conversation: ten complete a window, whatever server refused them."""
    made = (
        call("query", at_s=number * 2, server=server, is_error=True, error_code=-32602, conversation="c")
        for number, server in enumerate(servers)
    )
    return [
        replace(one, call_id=f"call-{number}", correlation_id=f"{number:032x}", request_size=100 + number)
        for number, one in enumerate(made)
    ]


class Worker:
    """Stage 2 of one co-partition, over a store that it shares."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.stage = Turns(JudgeTimes(), Judge(Judging(), RULES))

    def known(self, *calls: Call) -> Known:
        return asyncio.run(self.store.lookup(self.stage.wanted(calls)))

    def take(self, *calls: Call, known: Known | None = None) -> list[Alert]:
        known = known or self.known(*calls)
        return [alert for one in calls for alert in self._done(self.stage.add(one, Pin(), known))]

    def close(self) -> list[Alert]:
        return self._done(self.stage.advance(START_NS + 500 * 10**9))

    def _done(self, step: Step) -> list[Alert]:
        asyncio.run(self.store.apply(step.writes))
        return [output.value for output in step.outputs if isinstance(output.value, Alert)]


def numbered(alerts: Iterable[Alert]) -> list[tuple[str, int]]:
    return [(alert.activity, alert.sequence) for alert in alerts]


@pytest.mark.parametrize("last", ["files", "mails"])
def test_a_worker_that_sees_another_server_goes_on_where_the_first_one_was(last: str) -> None:
    store = MemoryStore()
    one, two = Worker(store), Worker(store)
    calls = probes(*["files"] * 10, last)
    created, updated = one.take(*calls[:10]), two.take(calls[10])
    assert {alert.finding_uid for alert in created} == {alert.finding_uid for alert in updated}
    assert numbered(created + updated) == [("create", 1), ("update", 2)]
    assert numbered(two.close()) == [("close", 3)]


def test_two_that_ask_before_either_has_told_both_create_and_every_consumer_ends_with_the_finding_closed() -> None:
    store = MemoryStore()
    one, two = Worker(store), Worker(store)
    calls = probes(*["files"] * 11)
    one.take(*calls[:9])
    known = one.known(calls[9]), two.known(calls[10])
    told = [one.take(calls[9], known=known[0]), two.take(calls[10], known=known[1])]
    assert [numbered(alerts) for alerts in told] == [[("create", 1)]] * 2
    assert told[0][0].event_id == told[1][0].event_id, "one revision, told twice"
    told = [alerts + worker.close() for alerts, worker in zip(told, (one, two), strict=True)]
    for order in permutations(told):
        alerts = [alert for alerts in order for alert in alerts]
        assert len({alert.finding_uid for alert in alerts}) == 1
        last = max(alerts, key=lambda alert: alert.sequence)
        assert (last.activity, [hit.id for hit in last.rules]) == ("close", ["protocol.schema-probing"])
        assert incident_of(alerts) == ("Closed", 1)


def incident_of(alerts: Sequence[Alert]) -> tuple[str, int]:
    """Status and findings of the incident that was told last; the findings come from several partitions."""
    return asyncio.run(_incident_of(alerts))


async def _incident_of(alerts: Sequence[Alert]) -> tuple[str, int]:
    store, told = IncidentMemory(Windows()), []
    for alert in alerts:
        stage = Incidents(Gathering())
        step = stage.add(alert, Pin(), await store.lookup(stage.wanted([alert])))
        told += [orjson.loads(output.value) for output in step.outputs]  # type: ignore[arg-type]
    return told[-1]["status"], told[-1]["unmapped"]["mcp"]["findings"]
