"""Settings to a worker: its configuration, and what each of its stages is made of."""

from __future__ import annotations

import time

from ..models.detections.engine import Rulebook
from ..models.sensitivity import Sensitivity
from ..streams.app import Wiring
from ..streams.calls import Calls
from ..streams.config import WorkerConfig
from ..streams.registry import RegisteredSchemas, Registry, RegistryConfig
from ..streams.store import RedisStore
from ..streams.trainer import Trainer
from ..streams.turns import JudgeTimes, Judging, Turns
from .brokers import Broker
from .settings import Settings

__all__ = ["configured", "registry", "stages"]


def configured(settings: Settings, broker: Broker, redis_url: str) -> WorkerConfig:
    """Raises ConfigError for times that contradict each other."""
    section = settings.worker
    return WorkerConfig(
        bootstrap=broker.bootstrap,
        kafka=broker.properties,
        redis_url=redis_url,
        partitions=settings.kafka.partitions,
        group=section.group,
        stages=section.stages,
        grace_ms=section.grace_ms,
        slack_ms=section.slack_ms,
        gap_s=section.gap_s,
        max_call_s=section.max_call_s,
        out_of_order_ms=section.out_of_order_ms,
        idle_ms=section.idle_ms,
        turn_gap_s=section.turn_gap_s,
        health_port=section.health_port,
    )


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
        networks = settings.networks
        judge = Sensitivity.load(settings.findings.sensitivity, outside=networks.outside, inside=networks.inside)
        wiring["calls"] = Wiring(lambda: Calls(config.join, judge, config.topics.calls), schemas=schemas)
    if "turns" in config.stages:
        rules = Rulebook.load(settings.findings.rules)
        times = JudgeTimes(gap_ns=int(config.turn_gap_s * 1e9))
        judging = _judging(settings)
        store = RedisStore(config.redis_url, tenant=settings.findings.tenant)
        wiring["turns"] = Wiring(
            lambda: Turns(times, judging, rules), store, Trainer(store).run_if_due, schemas=schemas
        )
    return wiring


def _judging(settings: Settings) -> Judging:
    return Judging(
        tenant=settings.findings.tenant,
        labels=settings.findings.labels,
        alert_risk=settings.model.alert_risk,
        ocsf_version=settings.findings.ocsf_version,
    )
