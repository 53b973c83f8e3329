"""What a crash costs a turn that goes on after its silence, and what it does not: exactly the limit of the README."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import dropwhile

import pytest

from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert, Call, Effect
from triptych.models.testing import START_NS, call, read, receive, send
from triptych.streams.judgement import Judge, Judging
from triptych.streams.memory import MemoryStore
from triptych.streams.pins import Pin
from triptych.streams.stage import Step
from triptych.streams.turns import JudgeTimes, Turns

S = 10**9
TIMES = JudgeTimes(gap_ns=30 * S, late_ns=60 * S)
CHAIN = "chain.untrusted-read-then-sensitive-read-then-egress"
OUTSIDE = "198.51.100.66:9911"
RULES = Rulebook.load()


class Worker:
    """Stage 2, what it sent, and what is read again when it crashed."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.alerts: list[Alert] = []
        self._chunks: list[tuple[Pin, Call]] = []
        self._begin()

    def _begin(self) -> None:
        self.stage = Turns(TIMES, Judge(Judging(), RULES))

    def take(self, one: Call) -> None:
        pin = Pin()
        pin.hold()
        self._chunks.append((pin, one))
        self._done(self.stage.add(one, pin, asyncio.run(self.store.lookup(self.stage.wanted([one])))))
        pin.release()

    def advance(self, to_s: float) -> None:
        self._done(self.stage.advance(START_NS + round(to_s * S)))

    def crash(self) -> int:
        """Begin anew at the first chunk that is still held; how many are read again."""
        again = [*dropwhile(lambda chunk: not chunk[0].held, self._chunks)]
        self._chunks = []
        self._begin()
        for _, one in again:
            self.take(one)
        return len(again)

    def rules(self) -> set[str]:
        """Those of the finding's last revision."""
        return {hit.id for hit in self.alerts[-1].rules}

    def _done(self, step: Step) -> None:
        asyncio.run(self.store.apply(step.writes))
        self.alerts += [output.value for output in step.outputs if isinstance(output.value, Alert)]
        for pin in step.releases:
            pin.release()


def part(at_s: float, effect: Effect) -> Call:
    made = call(f"tool{at_s:g}", effect, at_s=at_s, correlation_id="turn")
    return replace(made, wall_ns=START_NS + round(at_s * S))


PAGE, KEY = part(0, receive("203.0.113.80:443")), part(5, read("/home/ann/.aws/credentials", 5.1))


def webhook(at_s: float) -> Call:
    return part(at_s, send(OUTSIDE, 9_000, at_s + 0.1))


@pytest.mark.parametrize("crash_s", [6.0, 34.0])
def test_a_turn_that_is_open_when_a_worker_crashes_keeps_its_chain(crash_s: float) -> None:
    worker = Worker()
    worker.take(PAGE)
    worker.take(KEY)
    worker.advance(crash_s)
    assert worker.crash() == 2
    worker.take(webhook(crash_s + 1))
    assert CHAIN in worker.rules()


def test_a_turn_that_goes_on_after_its_silence_keeps_its_chain_while_its_worker_lives() -> None:
    worker = Worker()
    worker.take(PAGE)
    worker.take(KEY)
    worker.advance(36)
    worker.take(webhook(60))
    assert CHAIN in worker.rules()


def test_after_a_crash_a_turn_that_was_closed_is_judged_without_what_came_before_its_silence() -> None:
    worker = Worker()
    worker.take(PAGE)
    worker.take(KEY)
    worker.advance(36)
    told = [*worker.alerts]
    assert worker.crash() == 0
    worker.take(webhook(60))
    worker.advance(100)
    assert worker.alerts == told, "sending alone is nothing, and nothing is taken back"


def test_after_a_crash_what_comes_later_of_a_closed_turn_is_the_next_revision_of_its_finding() -> None:
    worker = Worker()
    worker.take(PAGE)
    worker.take(KEY)
    worker.advance(36)
    worker.crash()
    worker.take(part(60, read("/home/ann/.ssh/id_rsa", 60.1)))
    worker.advance(100)
    assert len({alert.finding_uid for alert in worker.alerts}) == 1
    assert [(alert.activity, alert.sequence) for alert in worker.alerts] == [
        ("create", 1), ("close", 2), ("update", 3), ("close", 4),
    ]  # fmt: skip
