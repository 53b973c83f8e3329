"""Settings to a worker: its configuration, and what each of its stages is made of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from structlog.stdlib import BoundLogger

from ..models.kernels import fastest
from ..models.sensitivity import Sensitivity
from ..streams.app import Wiring, sources_of, written_by
from ..streams.changelog import ChangeLog
from ..streams.config import WorkerConfig
from ..streams.feedback import Feedback, VerdictCodec
from ..streams.incidents import Gathering, Incidents
from ..streams.incidentstore import IncidentStore
from ..streams.join import Calls
from ..streams.judgement import Judge
from ..streams.quarantine import Verdicts
from ..streams.registry import RegisteredSchemas, Registry, RegistryAwayError, RegistryConfig
from ..streams.stage import Stage
from ..streams.store import RedisStore
from ..streams.turns import JudgeTimes, Turns
from . import permissions, storecheck, topiccheck
from .brokers import Broker
from .detections import assembling
from .detections.ruleset import Ruleset
from .modelling.chores import ModelChores
from .settings import Settings
from .stores import Store

__all__ = [
    "ask_registry",
    "calls",
    "check",
    "check_store",
    "configured",
    "incidents",
    "registry",
    "stages",
    "turns",
    "warm",
]


def configured(settings: Settings, broker: Broker, redis_url: str) -> WorkerConfig:
    """Raises ConfigError for times that contradict each other."""
    section = settings.worker
    return WorkerConfig(
        bootstrap=broker.bootstrap,
        kafka=broker.properties,
        redis_url=redis_url,
        partitions=settings.kafka.partitions,
        group=section.group,
        instance=section.instance,
        stages=section.stages,
        grace_ms=section.grace_ms,
        slack_ms=section.slack_ms,
        gap_s=section.gap_s,
        max_call_s=section.max_call_s,
        out_of_order_ms=section.out_of_order_ms,
        idle_ms=section.idle_ms,
        late_horizon_s=section.late_horizon_s,
        most_kept=section.most_kept,
        turn_gap_s=section.turn_gap_s,
        health_port=section.health_port,
    )


def check(config: WorkerConfig, broker: Broker, log: BoundLogger) -> None:
    """Ask what a worker would wait for in silence. Raises BrokerError K13 for what this user may not do there,
    TopicError T03 for topics that would lose what is read, or refuse what is written.

    A written topic that is compacted is told and no error, and so are records ahead of this clock: another machine's
    clock may be the wrong one.
    """
    reads = tuple(dict.fromkeys(topic for name in config.stages for topic in sources_of(config, name)))
    needs = permissions.Needs(reads=reads, writes=written_by(config), group=config.group)
    permissions.check(broker.client(), needs)
    kept = topiccheck.Wanted(
        reads=reads, writes=needs.writes, kept_s=config.read_again_s, record_bytes=config.max_record_bytes
    )
    for what in topiccheck.check(broker.client(), kept):
        log.warning("topic in doubt", what=what, fix=topiccheck.FIX)
    ahead = permissions.ahead_ms(broker.client(), reads, time.time_ns() // 1_000_000)
    if ahead is not None and ahead[1] > config.clock_skew_s * 1_000:
        log.warning("clock differs", topic=ahead[0], ahead_s=ahead[1] / 1_000, fix="run a time service such as chrony")


def check_store(store: Store, settings: Settings, log: BoundLogger) -> None:
    """Tell what the store may not do as expected one day. Raises StoreError R13 where it would not do it at all."""
    for doubt in storecheck.check(store, tenant=settings.findings.tenant, now_s=time.time()):
        log.warning("store in doubt", what=doubt.what, fix=doubt.fix)


def warm(store: Store, settings: Settings) -> None:
    """Compile what scoring runs on, where a model waits to judge: else the first records would wait for it."""
    if "turns" in settings.worker.stages and asyncio.run(_judges(store, settings)):
        fastest()


async def _judges(store: Store, settings: Settings) -> bool:
    """Whether a model judges."""
    models = RedisStore(store.url, tenant=settings.findings.tenant)
    try:
        return "current" in await models.roles()
    finally:
        await models.close()


def ask_registry(settings: Settings, log: BoundLogger) -> None:
    """Tell where the schema registry is away: no error, for a worker goes on until a record needs it."""
    known = registry(settings)
    if known is None:
        return
    try:
        asyncio.run(known.schema(1))
    except RegistryAwayError as error:
        log.warning("registry away", code=error.code, error=error.what, fix=error.hint)


def registry(settings: Settings) -> Registry | None:
    """The schema registry, where one is named. Raises ConfigError for a certificate file that is none."""
    section = settings.registry
    if not section.url:
        return None
    return Registry(
        RegistryConfig(
            url=section.url,
            username=section.username,
            password=section.password.get_secret_value(),
            ca_file=section.ssl_ca_file,
        )
    )


def stages(settings: Settings, config: WorkerConfig) -> dict[str, Wiring]:
    """What each stage of a worker runs. Raises ConfigError, RuleError for rules or classes that cannot be meant."""
    wiring = {}
    known = registry(settings)
    schemas = RegisteredSchemas(known, now=time.monotonic) if known else None
    if "calls" in config.stages:
        wiring["calls"] = Wiring(calls(settings, config), schemas=schemas)
    if "turns" in config.stages:
        wiring["turns"] = _judged(settings, config, schemas)
    if "incidents" in config.stages:
        findings = IncidentStore(config.redis_url, settings.incidents.windows, tenant=settings.findings.tenant)
        wiring["incidents"] = Wiring(incidents(settings), findings, schemas=schemas)
    if "feedback" in config.stages:
        wiring["feedback"] = _settling(settings, config)
    return wiring


def calls(settings: Settings, config: WorkerConfig) -> Callable[[], Stage]:
    """What makes the stage `calls`. Raises ConfigError for classes that cannot be meant."""
    networks = settings.networks
    judge = Sensitivity.load(settings.findings.sensitivity, outside=networks.outside, inside=networks.inside)
    return lambda: Calls(config.join, judge, config.topics.calls)


def turns(settings: Settings, config: WorkerConfig, folders: Sequence[Path]) -> Callable[[], Stage]:
    """What makes the stage `turns` with the built-in rules and those in `folders`. Raises ConfigError, RuleError."""
    return _turns(config, assembling.judge(settings, Ruleset.load(folders)))


def _turns(config: WorkerConfig, judge: Judge) -> Callable[[], Stage]:
    times = JudgeTimes(gap_ns=int(config.turn_gap_s * 1e9), most_kept=config.most_kept)
    return lambda: Turns(times, judge)


def _judged(settings: Settings, config: WorkerConfig, schemas: RegisteredSchemas | None) -> Wiring:
    """Stage 2 with its store, the rules beside the shipped ones, and what keeps both up to date."""
    rules, left_out = assembling.rules_at_start(settings)
    judge = assembling.judge(settings, rules)
    store = RedisStore(config.redis_url, tenant=settings.findings.tenant)
    asking = assembling.asking(settings, rules, store)
    broker = Broker("external", config.bootstrap, dict(config.kafka))
    known = ChangeLog(config.redis_url, tenant=settings.findings.tenant)
    audit = assembling.auditing(settings, broker, known, left_out)
    reloads = assembling.reloading(settings, rules, judge, asking, audit)
    models = ModelChores(settings, store, broker).run_if_due

    async def chores() -> None:
        for chore in (*reloads, models):
            await chore()

    return Wiring(_turns(config, judge), asking, chores, schemas=schemas)


def _settling(settings: Settings, config: WorkerConfig) -> Wiring:
    """What takes verdicts, with the store that holds what they are about."""
    store = RedisStore(config.redis_url, tenant=settings.findings.tenant)
    judging = assembling.judging(settings)
    return Wiring(lambda: Feedback(judging), Verdicts(store.quarantined), codec=VerdictCodec())


def incidents(settings: Settings) -> Callable[..., Stage]:
    """What makes the stage `incidents`; a replay gives it what renders them."""
    gathering = Gathering(tenant=settings.findings.tenant, ocsf_version=settings.findings.ocsf_version)
    return partial(Incidents, gathering)
