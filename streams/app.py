"""Faust wiring, and nothing else: an agent is a pipe from its topics into a runner, a timer lets time pass.

Refuses to start where Faust would wait in silence (preflight.py), and ends the process where Faust would go on after an
error: every crash is a replay, none is a loss.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import faust
import structlog
from mode import CrashingSupervisor

from ..models.errors import TriptychError
from ..models.events import AgentSpan, Alert, Call
from ..models.feedback import Verdict
from ..models.lazy import LazyBatch, LazyMessage
from ..models.wire import Codec, bundled
from . import chunks
from .chunks import ChunkConsumer, ChunkSchema, ChunkTransport, Progress, partition_of
from .clock import Hearing
from .config import WorkerConfig
from .garbage import collect_all, collect_young
from .health import Health, pages, served
from .membership import Membership
from .metrics import Metrics
from .preflight import check
from .runner import Chunk, Plan, Runner, Schemas, Store
from .security import credentials
from .stage import Headers, Input, Stage

__all__ = ["Wiring", "create_app", "run", "sources_of", "written_by"]

log = structlog.get_logger(__name__)
_DRAIN_S = 5.0  # at most, for what is under way at the end
_END_S = 20.0  # at most, for the whole end; less than orchestrators wait before they kill


@dataclass(frozen=True, slots=True)
class Wiring:
    """One stage as a worker runs it: what makes the state of one co-partition, the store it asks, if any.

    `schemas` teaches what the manifest does not have; without it such records are dead letters. `codec` reads records
    that are no Avro events.
    `chore` is called every `chore_s` seconds beside the stream, for example to train; one that fails is told and tried
    again.
    """

    new_stage: Callable[[], Stage]
    store: Store | None = None
    chore: Callable[[], Awaitable[object]] | None = None
    chore_s: float = 5.0
    schemas: Schemas | None = None
    codec: Codec | None = None


class _App(faust.App):
    def _create_directories(self) -> None:
        """None: there are no tables, and a worker's file system may be read-only."""


class _FaustSink:
    """Straight to the producer: a Faust topic costs ten times as much for each record."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

    async def send(self, topic: str, key: bytes, value: bytes, headers: Headers) -> Awaitable[object]:
        sent = await self._app.producer.send(topic, key, value, None, None, list(headers))
        return cast(Awaitable[object], sent)


def sources_of(config: WorkerConfig, stage: str) -> Mapping[str, type[Input]]:
    """The topics a stage joins, and the event each of them carries."""
    topics = config.topics
    sources: Mapping[str, Mapping[str, type[Input]]] = {
        "calls": {topics.protocol: LazyMessage, topics.execution: LazyBatch},
        "turns": {topics.calls: Call, topics.agent: AgentSpan},
        "incidents": {topics.alerts: Alert},
        "feedback": {topics.verdicts: Verdict},
    }
    return sources[stage]


def written_by(config: WorkerConfig) -> tuple[str, ...]:
    """The topics that the worker's stages write."""
    topics = config.topics
    written = {
        "calls": [topics.calls],
        "turns": [topics.alerts, topics.alerts_ocsf, topics.suppressed],
        "incidents": [topics.incidents_ocsf],
        "feedback": [topics.alerts, topics.alerts_ocsf, topics.audit],
    }
    return (topics.deadletter, *(topic for name in config.stages for topic in written[name]))


def create_app(
    config: WorkerConfig,
    stages: Mapping[str, Wiring],
    *,
    codec: Codec | None = None,
    metrics: Metrics | None = None,
    health: Health | None = None,
) -> faust.App:
    """The Faust app of one worker, not started. `stages` gives a Wiring for each of `config.stages`."""
    app = _faust(config)
    metrics = metrics or Metrics()
    codec = codec or bundled()
    runners = []
    for name in config.stages:
        plan = Plan(
            name=name,
            sources=sources_of(config, name),
            new_stage=stages[name].new_stage,
            times=config.clock,
            dead_letters=config.topics.deadletter,
            max_bytes=config.max_record_bytes,
        )
        runner = Runner(
            plan,
            codec=stages[name].codec or codec,
            sink=_FaustSink(app),
            store=stages[name].store,
            metrics=metrics,
            now=time.time_ns,
            schemas=stages[name].schemas,
        )
        _pipe(app, runner)
        _keep_time(app, config, runner)
        _do_chores(app, stages[name])
        runners.append(runner)
    _watch(app, config, runners, metrics, health or Health(config.stalled_s))
    cast(ChunkTransport, app.transport).held = partial(_ahead, runners)
    _drain(app, runners)
    return app


def _faust(config: WorkerConfig) -> faust.App:
    app = _App(
        config.group,
        broker=[f"kafka://{address.strip()}" for address in config.bootstrap.split(",")],
        broker_credentials=credentials(config.kafka),
        broker_client_id=f"triptych-{config.group}",
        store="memory://",
        processing_guarantee="at_least_once",
        stream_wait_empty=False,  # pinned chunks would hold a rebalance up for ever
        stream_buffer_maxsize=64,
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=config.partitions,
        broker_commit_interval=config.commit_s,
        broker_session_timeout=config.session_timeout_s,
        broker_heartbeat_interval=config.session_timeout_s / 5,
        broker_rebalance_timeout=max(30.0, config.session_timeout_s),
        broker_request_timeout=max(40.0, 2 * config.session_timeout_s),
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=config.instance,
        consumer_max_fetch_size=1 << 20,
        producer_linger=0.005,
        producer_max_batch_size=1 << 18,
        producer_max_request_size=2 * config.max_record_bytes,
        producer_compression_type="zstd",  # this client's lz4 costs three times the CPU and gives more bytes
        producer_acks=-1,
        producer_partitioner=partition_of,
        table_standby_replicas=0,
        agent_supervisor=CrashingSupervisor,
        web_enabled=False,
    )
    transport = ChunkTransport(app.conf.broker_consumer, app, loop=None)
    transport.sources = frozenset(topic for stage in config.stages for topic in sources_of(config, stage))
    app.transport = transport
    return app


def _pipe(app: faust.App, runner: Runner) -> None:
    async def pipe(stream: Any) -> None:
        unacknowledged = stream.noack()
        async for event in unacknowledged.events():
            message = event.message

            def done(event: Any = event) -> None:
                event.message.value.finished = True
                event.ack()

            def taken(message: Any = message) -> None:
                cast(ChunkConsumer, app.consumer).fed(message)

            place = message.topic, message.partition
            await runner.feed(Chunk(*place, message.value, message.generation_id, done, taken))

    app.agent(app.topic(*runner.plan.sources, schema=ChunkSchema()), name=runner.plan.name)(pipe)


def _do_chores(app: faust.App, wiring: Wiring) -> None:
    if (chore := wiring.chore) is None:
        return

    @app.timer(wiring.chore_s)  # type: ignore[untyped-decorator]
    async def do() -> None:
        try:
            await chore()
        except Exception:
            log.exception("chore failed")  # what happens beside the stream does not stop it


def _watch(app: faust.App, config: WorkerConfig, runners: list[Runner], metrics: Metrics, health: Health) -> None:
    member = Membership(config.instance, config.session_timeout_s)

    @app.on_partitions_revoked.connect(weak=False)
    async def forget(app: faust.App, revoked: Any, **_: Any) -> None:
        metrics.rebalances.inc()
        for runner in runners:
            runner.reset()
        collect_all()

    @app.timer(config.tick_ms / 1000)  # type: ignore[untyped-decorator]
    async def look() -> None:
        consumer = cast(ChunkConsumer, app.consumer)
        progress = consumer.progress()
        member.observe(*consumer.membership(), time.monotonic())
        waits = any(runner.waits for runner in runners)
        health.observe(progress, time.monotonic(), excused=progress if waits else _ahead(runners))
        for (topic, partition), lag in health.lags.items():
            metrics.lag.labels(topic, str(partition)).set(lag)
        health.check()


def _keep_time(app: faust.App, config: WorkerConfig, runner: Runner) -> None:
    """Each stage has a timer of its own: one may wait for its store."""
    hearing = Hearing(config.clock.idle_ns)

    @app.timer(config.tick_ms / 1000)  # type: ignore[untyped-decorator]
    async def tick() -> None:
        progress = cast(ChunkConsumer, app.consumer).progress()
        await runner.tick(_at_end(runner.plan, progress, _silent(progress, hearing, time.time_ns())))


def _ahead(runners: Iterable[Runner]) -> frozenset[Any]:
    return frozenset().union(*(runner.ahead for runner in runners))


def _drain(app: faust.App, runners: list[Runner]) -> None:
    """At the end no chunk comes any more: what is under way is acknowledged, so that the last commit covers it."""

    @app.on_before_shutdown.connect(weak=False)
    async def drain(app: faust.App, **_: Any) -> None:
        try:
            async with asyncio.timeout(_DRAIN_S):
                for runner in runners:
                    await runner.settled()
        except Exception as error:  # a refusal, or a broker that is away: it is read again
            log.warning("ends with work under way", error=str(error) or type(error).__name__)


def _silent(progress: Mapping[Any, Progress | None], hearing: Hearing, wall_ns: int) -> set[Any]:
    """The places with nothing more to read, as far as can be heard."""
    return {
        place
        for place, reached in progress.items()
        if reached is not None and hearing.at(place, reached.answered_ns, wall_ns) and reached.at_end
    }


def _at_end(plan: Plan, places: Collection[Any], silent: Collection[Any]) -> dict[int, list[str]]:
    """Partitions held, and of each the topics with nothing more to read; a topic without that partition never has."""
    held = {partition for topic, partition in places if topic in plan.sources}
    unread = {place for place in places if place not in silent}
    return {partition: [topic for topic in plan.sources if (topic, partition) not in unread] for partition in held}


def _end_by_force() -> None:
    log.error("did not end in time", seconds=_END_S)
    os._exit(1)


@contextmanager
def _ending_in_time(app: faust.App) -> Iterator[None]:
    """Inside the block: once the app began to end, the process does. Clients of a broker that is away would go on for
    ever, and what was not committed is read again."""
    end = threading.Timer(_END_S, _end_by_force)
    end.daemon = True

    @app.on_before_shutdown.connect(weak=False)
    async def begin(app: faust.App, **_: Any) -> None:
        end.start()

    try:
        yield
    finally:
        end.cancel()


def run(config: WorkerConfig, stages: Mapping[str, Wiring]) -> int:
    """Run a worker until SIGTERM or SIGINT; the exit code. Raises TriptychError when it cannot start."""
    joined = [sources_of(config, name) for name in config.stages]
    asyncio.run(check(config, joined, written_by(config)))
    metrics, health = Metrics(), Health(config.stalled_s)
    app = create_app(config, stages, metrics=metrics, health=health)
    with served(pages(health, metrics), config.health_port) if config.health_port else nullcontext():
        return _run(app)


def _run(app: faust.App) -> int:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    for chatty in ("faust", "mode", "aiokafka", __name__, chunks.__name__):  # mode logs in the name of subclasses
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # How logs look is for whoever runs the worker: Faust would put its own handlers in the place of theirs.
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True, loop=loop)
    worker.spinner = None  # it would write escape codes into logs
    collect_young()
    try:
        with _ending_in_time(app):
            worker.execute_from_commandline()
    except SystemExit as exit_:
        return int(exit_.code or 0)
    except TriptychError as error:
        log.error("worker ends", error=str(error), code=error.code)
        return 1
    return 0
