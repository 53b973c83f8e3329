"""Windows over turns, as the stage holds them: order, repetition, restarts and workers change no finding."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.models.detections.engine import Memory, Rulebook, Told
from triptych.models.events import Alert, Call, HttpFact, Peer
from triptych.models.testing import call
from triptych.models.turn import EARLY
from triptych.streams.judgement import Judge, Judging
from triptych.streams.memory import MemoryStore
from triptych.streams.pins import Pin
from triptych.streams.sightings import Sightings
from triptych.streams.stage import Output
from triptych.streams.turns import JudgeTimes, Turns

RULES = Rulebook.load()
PROBING = "protocol.schema-probing"
BY = "conversation"
SHARED = "protocol.session-from-two-clients"


def probe(number: int, *, at_s: float | None = None) -> Call:
    """A refused request of a form of its own, in a turn of its own."""
    at_s = number * 2.0 if at_s is None else at_s
    made = call("query", at_s=at_s, correlation_id=f"{number:032x}", is_error=True, error_code=-32602)
    return replace(made, call_id=f"probe-{number}", request_size=100 + number)


def shown(program: str, at_s: float, number: int) -> Call:
    http = HttpFact(session_digest="s1", user_agent=program)
    made = call("search", at_s=at_s, correlation_id=f"{number:032x}", http=http, peer=Peer(address="198.51.100.7"))
    return replace(made, call_id=f"shown-{number}")


class Worker:
    """One stage on a store that others may share; every chunk is looked up, added and written at once."""

    def __init__(self, store: MemoryStore) -> None:
        self.stage, self.store = Turns(JudgeTimes(), Judge(Judging(), RULES)), store
        self.alerts: list[Alert] = []

    def take(self, *calls: Call) -> Worker:
        known = asyncio.run(self.store.lookup(self.stage.wanted(calls)))
        pin = Pin()
        for one in calls:
            step = self.stage.add(one, pin, known)
            self._tell(step.outputs)
            asyncio.run(self.store.apply(step.writes))
        return self

    def _tell(self, outputs: Iterable[Output]) -> None:
        self.alerts += [output.value for output in outputs if isinstance(output.value, Alert)]

    def uids(self, rule: str) -> set[str]:
        return {alert.finding_uid for alert in self.alerts if rule in {hit.id for hit in alert.rules}}


def told(calls: Sequence[Call], rule: str = PROBING) -> set[str]:
    worker = Worker(MemoryStore())
    for one in calls:
        worker.take(one)
    return worker.uids(rule)


def test_a_window_over_ten_turns_is_one_finding_with_the_calls_that_completed_it() -> None:
    worker = Worker(MemoryStore())
    for number in range(12):
        worker.take(probe(number))
    assert len(worker.uids(PROBING)) == 1
    last = worker.alerts[-1]
    assert "probe-9" in last.call_ids
    assert any("within" in reason.fact for reason in last.reasons)


def test_nine_of_ten_are_nothing() -> None:
    assert told([probe(number) for number in range(9)]) == set()


@settings(deadline=None, max_examples=12)
@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=4))
def test_order_and_repetition_change_no_finding(order: list[int], again: list[int]) -> None:
    in_order = told([probe(number) for number in range(12)])
    assert in_order
    assert told([probe(number) for number in [*order, *again]]) == in_order


def test_one_chunk_and_many_find_the_same() -> None:
    at_once = Worker(MemoryStore()).take(*(probe(number) for number in range(12)))
    assert at_once.uids(PROBING) == told([probe(number) for number in range(12)])


def test_a_restart_in_the_middle_of_a_window_loses_nothing_and_names_nothing_anew() -> None:
    store = MemoryStore()
    for number in range(6):
        Worker(store).take(probe(number))
    second = Worker(store)
    for number in range(4, 12):
        second.take(probe(number))
    assert second.uids(PROBING) == told([probe(number) for number in range(12)])


def test_two_workers_complete_one_window() -> None:
    store = MemoryStore()
    one, other = Worker(store), Worker(store)
    for number in range(12):
        (one if number % 2 else other).take(probe(number))
    assert one.uids(PROBING) | other.uids(PROBING) == told([probe(number) for number in range(12)])


def test_hundreds_of_equal_hits_are_told_once_and_then_seldom() -> None:
    worker = Worker(MemoryStore())
    for number in range(300):
        worker.take(probe(number, at_s=number * 0.9))
    mine = [alert for alert in worker.alerts if PROBING in {hit.id for hit in alert.rules}]
    assert [alert.activity for alert in mine].count("create") == 1
    assert len(mine) <= 3


def test_an_early_record_waits_for_its_call() -> None:
    early = [replace(probe(n), revision=-9, coverage=replace(probe(n).coverage, notes=(EARLY,))) for n in range(12)]
    assert told(early) == set()


def test_what_a_window_found_is_not_learned_as_normal() -> None:
    worker = Worker(MemoryStore()).take(shown("desk/1", 0, 1)).take(shown("curl/8", 5, 2))
    assert worker.uids(SHARED)
    worker.stage.advance(shown("x", 4000, 3).wall_ns)
    assert worker.stage.counts()["learned"] == 1  # the owner's call, which was there before


def test_equal_sightings_of_one_grain_are_asked_for_once() -> None:
    sightings = Sightings(RULES)
    store = Memory()
    first = shown("desk/1", 0, 1)
    wanted = sightings.wanted([first])
    sightings.watch(first, {addition.place: store.add(addition) for addition in wanted})
    again = {addition.place.rule for addition in sightings.wanted([shown("desk/1", 3, 2)])}
    assert SHARED in {addition.place.rule for addition in wanted}
    assert SHARED not in again


def test_an_immature_history_stands_in_the_coverage_of_the_finding() -> None:
    worker = Worker(MemoryStore())
    worker.take(replace(call("delete_all", at_s=0), anomalies=("session-unknown",)))
    [alert] = worker.alerts
    assert any("sensitive-tool-new-to-client (the history has" in note for note in alert.coverage.notes)


def test_a_place_with_too_few_around_is_not_read() -> None:
    memory = Memory()
    held = []
    for number in range(12):
        [mine] = [one for one in RULES.additions(probe(number)) if (one.place.rule, one.place.by) == (PROBING, BY)]
        held.append(len(memory.add(mine).held))
    assert held == [0] * 9 + [10, 11, 12]
    [far] = [one for one in RULES.additions(probe(12, at_s=9_000)) if (one.place.rule, one.place.by) == (PROBING, BY)]
    assert memory.add(far).held == ()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_equal_sightings_the_earliest_stands(order: tuple[int, int]) -> None:
    both = [RULES.additions(shown("desk/1", at_s, 1)) for at_s in (0, 20)]
    memory = Memory()
    [first] = [one for one in both[order[0]] if one.place.rule == SHARED]
    [second] = [one for one in both[order[1]] if one.place.rule == SHARED]
    memory.add(first)
    [held] = memory.add(second._replace(reach=second.reach._replace(least=1))).held
    assert held.at_us == min(*first.members.values(), *second.members.values())


def test_of_what_was_told_the_newest_is_known() -> None:
    told = Told(most=2)
    signatures = [("rule", ("entity",), ("step", name, ())) for name in "abc"]
    for signature in signatures:
        told.add([signature])
    assert [signature in told for signature in signatures] == [False, True, True]
