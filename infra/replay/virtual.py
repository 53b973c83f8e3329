"""The worker in virtual time: the stages, clocks and order of a worker, fed from records instead of a broker.

Time is that of the records' arrival, so what waited for what then does so now. Only the last step differs: where the
records end, time goes on until nothing is open. Writes to no broker, and to no store but the one it is given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count, groupby
from operator import attrgetter

from ...models import topics as names
from ...models import wire
from ...models.events import AgentSpan, Alert, Call, DeadLetter
from ...models.lazy import LazyBatch, LazyMessage
from ...streams.config import ClockTimes
from ...streams.incidents import Render
from ...streams.metrics import Metrics
from ...streams.runner import Chunk, Plan, Runner, Store
from ...streams.stage import Headers, Input, Stage
from ..incidents import Incident
from .recorded import Recorded
from .telling import LastTold

__all__ = ["SOURCES", "Findings", "Stages", "VirtualWorker"]

SOURCES: Mapping[str, Mapping[str, type[Input]]] = {
    "calls": {names.PROTOCOL: LazyMessage, names.EXECUTION: LazyBatch},
    "turns": {names.CALLS: Call, names.AGENT: AgentSpan},
    "incidents": {names.ALERTS: Alert},
}
_PARTITION = 0  # of all records: what a key leads to does not depend on its neighbours
_POLL_NS = 50_000_000
_MOST = 500
_TICK_NS = 200_000_000
_CHORE_NS = 5_000_000_000
_BEYOND_NS = 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What a replay runs. Without `calls` it begins at calls that were recorded; `incidents` takes what renders them.
    `store` and `groups` are those of turns and incidents, `chore` is what a worker does beside."""

    turns: Callable[[], Stage]
    incidents: Callable[[Render], Stage]
    calls: Callable[[], Stage] | None = None
    store: Store
    groups: Store
    chore: Callable[[], Awaitable[object]] | None = None
    times: ClockTimes = field(default_factory=ClockTimes)
    max_bytes: int = 900_000

    @property
    def topics(self) -> frozenset[str]:
        """The topics whose records it takes."""
        stages = ("calls", "turns") if self.calls else ("turns",)
        own = {topic for stage in stages for topic in SOURCES[stage]}
        return frozenset(own - {names.CALLS} if self.calls else own)


@dataclass(slots=True)
class Findings:
    """What came of a replay: the last revision of every finding, when each was told first, the incidents, each as it
    was told last at the end, and what was read on the way."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    first_ns: dict[str, int] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    dead: dict[str, int] = field(default_factory=dict)
    records: int = 0
    calls: int = 0

    def in_order(self) -> list[Alert]:
        """By the time of what they are about."""
        return sorted(self.alerts.values(), key=lambda alert: (alert.wall_ns, alert.finding_uid))


class VirtualWorker:
    """Runs once over records. `tell` hears the number of records read, now and then."""

    def __init__(self, stages: Stages, codec: wire.Codec, tell: Callable[[int], None] = lambda _: None) -> None:
        self.found = Findings()
        self._codec = codec
        self._tell = tell
        self._chore = stages.chore
        self._now = 0
        self._made: dict[str, list[Recorded]] = {names.CALLS: [], names.ALERTS: []}
        self._told = LastTold()
        self._offsets = count()
        self._calls = self._runner(stages, "calls", stages.calls, None) if stages.calls else None
        self._turns = self._runner(stages, "turns", stages.turns, stages.store)
        self._incidents = self._runner(stages, "incidents", partial(stages.incidents, self._told), stages.groups)

    async def run(self, records: Iterable[Recorded]) -> Findings:
        """Feed the records, which stand in the order of their arrival, and let everything close."""
        poll: list[Recorded] = []
        chores_at = 0
        for record in records:
            arrived = max(self._now, record.timestamp * 1_000_000)
            if poll and (arrived >= self._now + _POLL_NS or len(poll) >= _MOST):
                await self._feed(poll)
                poll = []
            if arrived >= self._now + _POLL_NS or not self.found.records:
                await self._pass_time(arrived)
                if self._chore and arrived >= chores_at:
                    await self._chore()
                    chores_at = arrived + _CHORE_NS
            poll.append(record)
            self.found.records += 1
        await self._feed(poll)
        await self._end()
        self.found.incidents = self._told.rendered()
        return self.found

    async def _feed(self, poll: list[Recorded]) -> None:
        """One poll: the records of each topic as a chunk, in their order; requests before what they did."""
        if poll:
            self._now = max(self._now, (poll[-1].timestamp + 1) * 1_000_000)
        for topic, chunk in groupby(sorted(poll, key=attrgetter("topic"), reverse=True), attrgetter("topic")):
            await self._hand_over(topic, list(chunk))
        await self._forward()
        self._tell(self.found.records)

    async def _hand_over(self, topic: str, records: list[Recorded]) -> None:
        runner = next(one for one in self._runners if topic in one.plan.sources)
        await runner.feed(Chunk(topic, _PARTITION, records, 0, lambda: None))
        await runner.settled()

    async def _forward(self) -> None:
        """Calls that were joined go on to be judged, findings to be gathered."""
        for topic, made in self._made.items():
            self._made[topic] = []
            if made:
                await self._hand_over(topic, made)

    async def _pass_time(self, until: int) -> None:
        """Let time go by until the next records come: at first as a worker's ticks do, over long silence in strides."""
        stride = _TICK_NS
        while self._now and self._now + stride < until:
            await self._tick(self._now + stride)
            stride += stride // 2
        await self._tick(until)

    async def _tick(self, now: int) -> None:
        self._now = now
        for runner in self._runners:
            await runner.tick({_PARTITION: runner.plan.sources})
            await runner.settled()
            await self._forward()

    async def _end(self) -> None:
        if self.found.records:
            for _ in range(2):  # calls first, then the turns they belong to
                await self._tick(self._now + _BEYOND_NS)

    @property
    def _runners(self) -> Iterator[Runner]:
        """In the order in which records pass them."""
        return filter(None, (self._calls, self._turns, self._incidents))

    def _runner(self, stages: Stages, name: str, new_stage: Callable[[], Stage], store: Store | None) -> Runner:
        plan = Plan(
            name=name,
            sources=SOURCES[name],
            new_stage=new_stage,
            times=stages.times,
            dead_letters=names.DEADLETTER,
            max_bytes=stages.max_bytes,
        )
        metrics = Metrics()
        return Runner(plan, codec=self._codec, sink=self, store=store, metrics=metrics, now=lambda: self._now)

    async def send(self, topic: str, key: bytes, value: bytes, headers: Headers) -> Awaitable[object]:
        """Take what a stage would publish (streams.runner.Sink)."""
        if topic == names.CALLS:
            self.found.calls += 1
            self._make(topic, key, value)
        elif topic == names.ALERTS:
            alert = self._codec.decode(value, Alert)
            self.found.alerts[alert.finding_uid] = alert
            self.found.first_ns.setdefault(alert.finding_uid, self._now)
            self._make(topic, key, value)
        elif topic == names.DEADLETTER:
            code = self._codec.decode(value, DeadLetter).code
            self.found.dead[code] = self.found.dead.get(code, 0) + 1
        return _done()

    def _make(self, topic: str, key: bytes, value: bytes) -> None:
        """A record that another stage takes."""
        self._made[topic].append(
            Recorded(
                topic=topic,
                partition=_PARTITION,
                offset=next(self._offsets),
                timestamp=self._now // 1_000_000,
                timestamp_type=0,
                key=key,
                value=value,
            )
        )


async def _done() -> None:
    """Acknowledged at once."""
