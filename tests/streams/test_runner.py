"""The runner: the order of acknowledgements, dead letters, a store that is away, and rebalances."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from triptych.models.errors import WireError
from triptych.models.events import DeadLetter, Event, ProtocolEvent
from triptych.models.wire import SCHEMAS, bundled
from triptych.streams import asking
from triptych.streams import runner as module
from triptych.streams.config import ClockTimes
from triptych.streams.deadletter import MAX_KEY
from triptych.streams.metrics import Metrics
from triptych.streams.outbox import MOST
from triptych.streams.pins import Pin
from triptych.streams.registry import RegistryAwayError
from triptych.streams.runner import Chunk, Plan, Runner
from triptych.streams.stage import Output, Step, StoreAwayError

CODEC = bundled()
NOW = 1_700_000_000 * 10**9
SECOND = 10**9


@dataclass
class Raw:
    offset: int
    value: bytes | None
    timestamp: int = NOW // 10**6
    timestamp_type: int = 0
    key: bytes | None = b"workload"
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Ledger:
    """Everything that happens, in order."""

    lines: list[str] = field(default_factory=list)

    def index(self, line: str) -> int:
        return self.lines.index(line)


class Echo:
    """Sends each record on, writes it, and keeps those with `hold` in their method until time passes."""

    def __init__(self) -> None:
        self.kept: list[tuple[Event, Pin]] = []

    def wanted(self, records: Sequence[Any]) -> list[str]:
        if any(record.method == "explode when asked" for record in records):
            raise RuntimeError("no")
        return [record.event_id for record in records]

    def add(self, record: Any, pin: Pin, known: Any) -> Step:
        if record.method == "explode":
            raise RuntimeError("no")
        if record.method == "hold":
            pin.hold()
            self.kept.append((record, pin))
            return Step()
        return Step(outputs=(Output("out", "k", record),), writes=(record.event_id,))

    def advance(self, watermark_ns: int) -> Step:
        kept, self.kept = self.kept, []
        return Step(tuple(Output("out", "k", record) for record, _ in kept), (), tuple(pin for _, pin in kept))

    def next_deadline(self) -> int | None:
        return NOW + 10 * SECOND if self.kept else None

    def crowding(self) -> bool:
        return False


@dataclass
class Sink:
    ledger: Ledger
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    error: Exception | None = None
    gate: asyncio.Event | None = None

    async def send(self, topic: str, key: bytes, value: bytes, headers: Any) -> Awaitable[object]:
        self.sent.append((topic, value))
        self.headers.append(headers)

        async def acknowledge() -> None:
            if self.gate is not None:
                await self.gate.wait()
            if self.error is not None:
                raise self.error
            self.ledger.lines.append("acknowledged")

        # A producer's answer is a future too; behind a refusal nobody asks for the rest.
        answer = asyncio.create_task(acknowledge())
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        return answer


@dataclass
class Store:
    ledger: Ledger
    away: int = 0

    async def lookup(self, wanted: Any) -> Any:
        if self.away:
            self.away -= 1
            raise StoreAwayError("away")
        return {}

    async def apply(self, writes: Sequence[Any]) -> None:
        self.ledger.lines.append("written")


@dataclass
class Bench:
    ledger: Ledger = field(default_factory=Ledger)
    now: int = NOW

    def __post_init__(self) -> None:
        self.sink, self.store, self.metrics = Sink(self.ledger), Store(self.ledger), Metrics()
        self.learn_from(None)

    def learn_from(self, schemas: Any) -> Any:
        plan = Plan(
            name="echo",
            sources={"in": ProtocolEvent},
            new_stage=Echo,
            times=ClockTimes(),
            dead_letters="dead",
            max_bytes=20_000,
        )
        self.runner = Runner(
            plan,
            codec=bundled(),
            sink=self.sink,
            store=self.store,
            metrics=self.metrics,
            now=lambda: self.now,
            schemas=schemas,
        )
        return schemas

    async def feed(self, chunk: Chunk) -> None:
        await self.runner.feed(chunk)
        await self.runner.settled()

    async def tick(self, at_end: dict[int, list[str]]) -> None:
        await self.runner.tick(at_end)
        await self.runner.settled()

    def away(self, who: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"triptych_{who}_away", {"stage": "echo"})

    def chunk(self, *values: bytes | None, name: str = "done", generation: int = 1) -> Chunk:
        records = [Raw(offset, value) for offset, value in enumerate(values)]
        return Chunk("in", 0, records, generation, lambda: self.ledger.lines.append(name))

    @property
    def letters(self) -> list[DeadLetter]:
        return [CODEC.decode(value, DeadLetter) for topic, value in self.sink.sent if topic == "dead"]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(asking, "_RETRY_FIRST_S", 0.001)
    return Bench()


def record(number: int = 0, method: str = "tools/call", **facts: Any) -> bytes:
    return CODEC.encode(ProtocolEvent(**{"event_id": f"e{number}", "wall_ns": NOW, "method": method, **facts}))


async def all_else() -> None:
    """Whatever can go on goes on."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_outputs_are_acknowledged_before_writes_and_both_before_the_source(bench: Bench) -> None:
    await bench.feed(bench.chunk(record(1), record(2)))
    assert bench.ledger.lines == ["acknowledged", "acknowledged", "written", "done"]


async def test_a_broker_that_refuses_an_output_stops_everything_behind_it(bench: Bench) -> None:
    bench.sink.error = OSError("refused")
    with pytest.raises(OSError, match="refused"):
        await bench.feed(bench.chunk(record()))
    assert bench.ledger.lines == []


async def test_a_chunk_is_worked_on_while_the_one_before_is_on_its_way_and_is_acknowledged_behind_it(
    bench: Bench,
) -> None:
    bench.sink.gate = asyncio.Event()
    await bench.runner.feed(bench.chunk(record(1), name="first"))
    await bench.runner.feed(bench.chunk(record(2), record(3), name="second"))
    assert (len(bench.sink.sent), bench.ledger.lines) == (3, [])
    bench.sink.gate.set()
    await bench.runner.settled()
    assert bench.ledger.lines == ["acknowledged", "written", "first"] + ["acknowledged"] * 2 + ["written", "second"]


async def test_so_many_chunks_are_on_their_way_and_the_next_one_waits(bench: Bench) -> None:
    bench.sink.gate = asyncio.Event()
    for number in range(MOST):
        await bench.runner.feed(bench.chunk(record(number)))
    one_more = asyncio.create_task(bench.runner.feed(bench.chunk(record())))
    await all_else()
    assert not one_more.done()
    bench.sink.gate.set()
    await one_more
    await bench.runner.settled()
    assert bench.ledger.lines.count("done") == MOST + 1


@pytest.mark.parametrize("what", ["chunk", "tick"])
async def test_after_a_refusal_the_next_call_raises_and_nothing_behind_it_is_acknowledged(
    bench: Bench, what: str
) -> None:
    bench.sink.error, bench.sink.gate = OSError("refused"), asyncio.Event()
    await bench.runner.feed(bench.chunk(record(1)))
    await bench.runner.feed(bench.chunk(record(2)))
    bench.sink.gate.set()
    await all_else()
    with pytest.raises(OSError, match="refused"):
        await (bench.runner.feed(bench.chunk(record(3))) if what == "chunk" else bench.runner.tick({0: []}))
    assert bench.ledger.lines == []


@pytest.mark.parametrize(
    ("value", "code"),
    [(b"junk", "W01"), (None, "W01"), (record()[:-2], "W03"), (CODEC.encode(DeadLetter()), "W04")],
    ids=["unframed", "tombstone", "cut", "wrong type"],
)
async def test_what_is_no_event_becomes_a_dead_letter_and_its_neighbours_go_on(
    bench: Bench, value: bytes | None, code: str
) -> None:
    await bench.feed(bench.chunk(record(1), value, record(2)))
    letters = bench.letters
    assert [(letter.code, letter.value, letter.offset, letter.key) for letter in letters] == [
        (code, value or b"", 1, b"workload")
    ]
    assert [topic for topic, _ in bench.sink.sent].count("out") == 2
    assert bench.ledger.lines[-1] == "done"


async def test_a_record_that_breaks_the_stage_becomes_a_dead_letter_with_its_bytes(bench: Bench) -> None:
    bad = record(1, "explode")
    await bench.feed(bench.chunk(bad, record(2)))
    assert [(letter.code, letter.value) for letter in bench.letters] == [("J04", bad)]
    assert bench.metrics.registry.get_sample_value("triptych_dead_letters_total", {"stage": "echo", "code": "J04"}) == 1


async def test_a_record_that_a_stage_cannot_ask_for_becomes_a_dead_letter_and_its_neighbours_go_on(
    bench: Bench,
) -> None:
    await bench.feed(bench.chunk(record(1), record(2, "explode when asked"), record(3)))
    assert [(letter.code, letter.offset) for letter in bench.letters] == [("J04", 1)]
    assert [topic for topic, _ in bench.sink.sent].count("out") == 2
    assert bench.ledger.lines[-1] == "done"


async def test_a_letter_fits_into_a_record_however_large_the_key_was(bench: Bench) -> None:
    chunk = bench.chunk(b"junk")
    await bench.feed(replace(chunk, records=[Raw(0, b"junk", key=b"\xff" * 500_000)]))
    (letter,) = bench.letters
    assert (letter.key, letter.reason[-34:]) == (b"\xff" * MAX_KEY, "10004 of its 500004 bytes are kept")


async def test_the_end_waits_for_the_chunk_in_work_and_for_what_it_sends(bench: Bench) -> None:
    bench.sink.gate, bench.store.away = asyncio.Event(), 3
    feeding = asyncio.create_task(bench.runner.feed(bench.chunk(record())))
    await asyncio.sleep(0)
    ending = asyncio.create_task(bench.runner.settled())
    await feeding
    bench.sink.gate.set()
    await ending
    assert bench.ledger.lines == ["acknowledged", "written", "done"]


async def test_a_letter_keeps_how_often_its_record_was_sent_again_and_no_other_header(bench: Bench) -> None:
    told = (("triptych-retry", b"letter/2"), ("secret", b"x"))
    chunk = bench.chunk(b"junk")
    await bench.feed(replace(chunk, records=[Raw(0, b"junk", headers=told)]))
    assert bench.sink.headers == [(("triptych-retry", b"letter/2"),)]


async def test_the_same_dead_record_has_the_same_id_again(bench: Bench) -> None:
    await bench.feed(bench.chunk(b"junk"))
    await bench.feed(bench.chunk(b"junk"))
    assert len({letter.event_id for letter in bench.letters}) == 1


async def test_an_output_no_broker_would_take_becomes_a_dead_letter(bench: Bench) -> None:
    large = record(1, anomalies=("x" * 30_000,))
    await bench.feed(bench.chunk(large))
    assert [(letter.code, letter.topic) for letter in bench.letters] == [("J05", "out")]
    assert bench.ledger.lines[-1] == "done"


async def test_a_store_that_is_away_is_waited_for_and_nothing_is_acknowledged_meanwhile(bench: Bench) -> None:
    bench.store.away = 3
    await bench.feed(bench.chunk(record()))
    assert bench.ledger.lines == ["acknowledged", "written", "done"]
    assert not bench.runner.waits


async def test_a_chunk_that_feeds_something_open_holds_those_behind_it(bench: Bench) -> None:
    await bench.feed(bench.chunk(record(1, "hold"), name="first"))
    await bench.feed(bench.chunk(record(2), name="second"))
    assert bench.ledger.lines == ["acknowledged", "written"]
    bench.now += 60 * SECOND
    await bench.tick({0: ["in"]})
    assert bench.ledger.lines[2:] == ["acknowledged", "first", "second"]


async def test_time_alone_does_not_pass_while_there_is_more_to_read(bench: Bench) -> None:
    await bench.feed(bench.chunk(record(1, "hold")))
    bench.now += 60 * SECOND
    await bench.tick({0: []})
    assert bench.sink.sent == []


async def test_silence_that_was_heard_before_a_long_wait_is_none_behind_it(bench: Bench) -> None:
    for partition in (0, 1):
        await bench.feed(replace(bench.chunk(record(partition, "hold")), partition=partition))
    told = bench.sink.send

    async def slowly(*record: Any) -> Awaitable[object]:
        bench.now += 60 * SECOND
        return await told(*record)

    bench.sink.send = slowly  # type: ignore[method-assign]
    bench.now += 60 * SECOND
    await bench.tick({0: ["in"], 1: ["in"]})
    assert [CODEC.decode(value).event_id for _, value in bench.sink.sent] == ["e0"]


async def test_partitions_that_move_during_a_tick_are_not_begun_anew_by_it(bench: Bench) -> None:
    ticking = asyncio.create_task(bench.runner.tick({0: [], 1: []}))
    await asyncio.sleep(0)
    bench.runner.reset()
    await ticking
    assert bench.runner._parts == {}


async def test_time_and_others_come_in_between_the_records_of_a_chunk(bench: Bench) -> None:
    feeding = asyncio.create_task(bench.feed(bench.chunk(*(record(number) for number in range(200)))))
    turns = 0
    while not feeding.done() and not bench.sink.sent:
        turns += 1
        await asyncio.sleep(0)
    await feeding
    assert (turns >= 200 // module._AT_ONCE, len(bench.sink.sent)) == (True, 200)


async def test_nothing_is_acknowledged_across_a_rebalance(bench: Bench) -> None:
    bench.sink.gate = asyncio.Event()
    under_way = asyncio.create_task(bench.feed(bench.chunk(record(1), name="old")))
    await all_else()
    bench.runner.reset()
    bench.sink.gate.set()
    await under_way
    await bench.feed(bench.chunk(record(1), name="new", generation=2))
    assert ("old" in bench.ledger.lines, "new" in bench.ledger.lines) == (False, True)


async def test_a_chunk_of_an_older_generation_is_left_alone(bench: Bench) -> None:
    await bench.feed(bench.chunk(record(1), name="new", generation=2))
    await bench.feed(bench.chunk(record(2), name="old", generation=1))
    assert bench.ledger.lines[-1] == "new"


async def test_state_that_was_fed_by_an_older_generation_is_dropped(bench: Bench) -> None:
    await bench.feed(bench.chunk(record(1, "hold"), name="old", generation=1))
    await bench.feed(bench.chunk(record(1, "hold"), name="new", generation=2))
    bench.now += 60 * SECOND
    await bench.tick({0: ["in"]})
    assert [line for line in bench.ledger.lines if line != "acknowledged"] == ["new"]


async def test_a_record_ahead_of_its_arrival_is_moved_there_and_counted(bench: Bench) -> None:
    await bench.feed(bench.chunk(record(1, wall_ns=NOW + 3600 * SECOND)))
    assert CODEC.decode(bench.sink.sent[0][1], ProtocolEvent).wall_ns == NOW
    assert bench.metrics.registry.get_sample_value("triptych_clock_ahead_total", {"topic": "in"}) == 1


@dataclass
class Schemas:
    """Teaches 7 as a ProtocolEvent, refuses 8, has never heard of another."""

    away: int = 0
    asked: list[set[int]] = field(default_factory=list)
    asked_again: asyncio.Event = field(default_factory=asyncio.Event)

    async def teach(self, codec: Any, ids: Any) -> dict[int, WireError]:
        if self.asked:
            self.asked_again.set()
        self.asked.append(set(ids))
        if self.away:
            self.away -= 1
            raise RegistryAwayError("away")
        if 7 in ids:
            codec.learn(7, json.loads((SCHEMAS / "triptych.ProtocolEvent.avsc").read_text()))
        return {8: WireError("another", code="W04")} if 8 in ids else {}


def foreign(schema_id: int, number: int = 1) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big") + record(number)[5:]


async def test_the_ids_of_a_chunk_are_learnt_before_it_is_decoded_and_asked_for_together(bench: Bench) -> None:
    schemas = bench.learn_from(Schemas())
    await bench.feed(bench.chunk(foreign(7, 1), record(2), b"junk", None, foreign(7, 3)))
    assert schemas.asked == [{7}]
    assert [CODEC.decode(value).event_id for topic, value in bench.sink.sent if topic == "out"] == ["e1", "e2", "e3"]
    assert [letter.code for letter in bench.letters] == ["W01", "W01"]


async def test_an_id_that_cannot_be_learnt_is_a_dead_letter_with_the_reason(bench: Bench) -> None:
    bench.learn_from(Schemas())
    await bench.feed(bench.chunk(foreign(8), foreign(9), record(2)))
    assert [(letter.offset, letter.code) for letter in bench.letters] == [(0, "W04"), (1, "W02")]
    assert bench.ledger.lines[-1] == "done"


async def test_a_registry_that_is_away_is_waited_for_and_no_record_is_given_up(bench: Bench) -> None:
    schemas = bench.learn_from(Schemas(away=10**9))
    feeding = asyncio.create_task(bench.feed(bench.chunk(foreign(7))))
    await schemas.asked_again.wait()
    assert (bench.runner.waits, bench.away("registry"), bench.ledger.lines, bench.sink.sent) == (True, 1, [], [])
    schemas.away = 0
    await feeding
    assert (bench.runner.waits, bench.away("registry"), bench.letters) == (False, 0, [])
    assert bench.ledger.lines == ["acknowledged", "written", "done"]


async def test_a_partition_that_is_gone_waits_for_no_registry(bench: Bench) -> None:
    schemas = bench.learn_from(Schemas(away=10**9))
    feeding = asyncio.create_task(bench.feed(bench.chunk(foreign(7))))
    await schemas.asked_again.wait()
    bench.runner.reset()
    await feeding
    assert (bench.runner.waits, bench.ledger.lines, bench.sink.sent) == (False, [], [])


async def test_without_a_registry_an_unknown_id_is_a_dead_letter(bench: Bench) -> None:
    await bench.feed(bench.chunk(foreign(9)))
    assert [letter.code for letter in bench.letters] == ["W02"]
