"""Topics that are read at different speeds: the quicker one waits outside once room is short, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from worker_bench import MS, assert_all_there, told

from triptych.models.events import Call
from triptych.models.lazy import LazyBatch, LazyMessage
from triptych.models.sensitivity import Sensitivity
from triptych.models.wire import bundled
from triptych.streams.aside import Aside
from triptych.streams.clock import Clock
from triptych.streams.config import ClockTimes, JoinTimes, Topics
from triptych.streams.join import Calls
from triptych.streams.metrics import Metrics
from triptych.streams.ports import Chunk, Plan
from triptych.streams.runner import Runner

SECOND = 1_000 * MS
START = 1_700_000_000 * SECOND
CODEC = bundled()
TOPICS = Topics()
NUMBER = 1_500  # calls in five minutes, of which a stage may hold a fifth
SIZE = 20  # records of a chunk
AHEAD, NEVER = ClockTimes().ahead_ns, 10**18


@dataclass
class Worker:
    """A runner of stage 1 with little room, and what it sent."""

    ahead_ns: int = AHEAD
    now: int = START + 600 * SECOND
    calls: list[Call] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        judge, times = Sensitivity.load(), JoinTimes(most_kept=1_000)
        self.stage = Calls(times, judge, TOPICS.calls)
        plan = Plan(
            name="calls",
            sources={TOPICS.protocol: LazyMessage, TOPICS.execution: LazyBatch},
            new_stage=lambda: self.stage,
            times=ClockTimes(ahead_ns=self.ahead_ns),
            dead_letters=TOPICS.deadletter,
            max_bytes=900_000,
        )
        clock = lambda: self.now  # noqa: E731
        self.runner = Runner(plan, codec=CODEC, sink=self, store=None, metrics=Metrics(), now=clock)

    async def send(self, topic: str, key: bytes, value: bytes, headers: Any) -> Awaitable[object]:
        assert topic == TOPICS.calls
        self.calls.append(CODEC.decode(value, Call))
        return asyncio.get_running_loop().create_task(asyncio.sleep(0))

    async def read(self, topic: str, values: list[bytes]) -> None:
        records = [
            SimpleNamespace(value=v, offset=0, timestamp=0, timestamp_type=0, key=b"", headers=()) for v in values
        ]
        await self.runner.feed(Chunk(topic, 0, records, 1, lambda: None, lambda: self.taken.append(topic)))

    async def end(self) -> None:
        for _ in range(100):
            self.now += 2 * SECOND
            await self.runner.tick({0: (TOPICS.protocol, TOPICS.execution)})
        await self.runner.settled()


def chunks() -> dict[str, list[list[bytes]]]:
    """What waits on each topic."""
    records = told(TOPICS, NUMBER, start=START, spread=200 * MS)
    values = {
        name: [value for topic, _, value in records if topic == name] for name in (TOPICS.protocol, TOPICS.execution)
    }
    return {name: [of[at : at + SIZE] for at in range(0, len(of), SIZE)] for name, of in values.items()}


@given(turns=st.lists(st.tuples(st.sampled_from("px"), st.sampled_from(("", "p", "x", "px")), st.integers(0, 200))))
def test_who_waits_is_passed_neither_by_its_topic_nor_by_time_and_all_are_taken_in_the_end(turns: list[Any]) -> None:
    clock = Clock(("p", "x"), ClockTimes(ahead_ns=50, out_of_order_ns=10, idle_ns=1_000), 0)
    aside, wall, at = Aside(SimpleNamespace(crowding=lambda: True), clock), 10**12, {"p": 0, "x": 0}
    came: list[Chunk] = []
    taken: list[Chunk] = []
    waiting: dict[int, int] = {}  # and the watermark it may not pass

    def work(chunk: Chunk) -> None:
        assert chunk.topic not in aside.ahead
        clock.observe(chunk.topic, chunk.records[0], wall, wall)
        taken.append(chunk)
        waiting.pop(id(chunk), None)

    def tick(ended: str) -> None:
        reached = clock.watermark(wall, aside.heard(ended)) or 0
        assert all(reached <= most for most in waiting.values())
        while (chunk := aside.take(wall)) is not None:
            work(chunk)

    for topic, ended, step in turns:
        wall += 600
        at[topic] += step
        chunk = Chunk(topic, 0, [at[topic]], 1, lambda: None)
        came.append(chunk)
        if aside.put(chunk, wall):
            waiting[id(chunk)] = max(at[topic], clock.reached or 0)
        else:
            work(chunk)
        tick(ended)
    wall += 1_000
    tick("px")
    wall += 1_000
    tick("px")
    for topic in at:
        assert [one for one in taken if one.topic == topic] == [one for one in came if one.topic == topic]


async def after(first: str, ahead_ns: int = AHEAD) -> Worker:
    """All of one topic comes before the first record of the other."""
    worker, waiting = Worker(ahead_ns), chunks()
    for chunk in waiting.pop(first):
        await worker.read(first, chunk)
    for topic, later in waiting.items():
        for chunk in later:
            await worker.read(topic, chunk)
    await worker.end()
    return worker


async def test_kernel_events_that_come_long_before_their_messages_wait_outside_and_every_call_is_whole() -> None:
    worker = await after(TOPICS.execution)
    assert worker.stage.counts()["crowded"] == 0
    assert_all_there(worker.calls, NUMBER)


async def test_messages_that_come_long_before_their_kernel_events_wait_outside_and_every_call_is_whole() -> None:
    worker = await after(TOPICS.protocol)
    assert worker.stage.counts()["crowded"] == 0
    assert_all_there(worker.calls, NUMBER)


async def test_a_chunk_that_waits_counts_as_not_read() -> None:
    worker, waiting = Worker(), chunks()
    for chunk in waiting[TOPICS.protocol]:
        await worker.read(TOPICS.protocol, chunk)
    assert 0 < len(worker.taken) < len(waiting[TOPICS.protocol])
    assert worker.runner.ahead == {(TOPICS.protocol, 0)}


async def test_partitions_that_move_take_what_waits_with_them() -> None:
    worker, waiting = Worker(), chunks()
    for chunk in waiting[TOPICS.protocol]:
        await worker.read(TOPICS.protocol, chunk)
    worker.runner.reset()
    taken = len(worker.taken)
    await worker.end()
    assert (worker.runner.ahead, len(worker.taken)) == (frozenset(), taken)


async def test_where_nothing_waits_calls_are_crowded_out_before_their_other_half_comes() -> None:
    worker = await after(TOPICS.protocol, NEVER)
    assert worker.stage.counts()["crowded"] > 0
