"""Settings to what each room asks for. The only place that knows both sides; each room refuses what cannot work in it."""

from __future__ import annotations

from collections.abc import Sequence

from ..models.digest import Keyring
from ..models.sensitivity import Sensitivity
from ..producers.gateway.config import GatewayConfig
from ..producers.publish import PublishConfig
from ..producers.sensor.config import SensorConfig
from ..streams.config import WorkerConfig
from . import keys
from .brokers import Broker
from .settings import Settings

__all__ = ["gateway", "keyring", "publish", "sensitivity", "sensor", "worker"]


def keyring(settings: Settings) -> Keyring:
    """The tenant's digest key. Raises KeyFileError."""
    return keys.load(settings.digest.key_file, settings.digest.key_id)


def sensitivity(settings: Settings) -> Sensitivity:
    """The shipped classes with those of the settings. Raises ConfigError."""
    networks = settings.networks
    return Sensitivity.load(settings.findings.sensitivity, outside=networks.outside, inside=networks.inside)


def publish(broker: Broker, client_id: str) -> PublishConfig:
    return PublishConfig(bootstrap=broker.bootstrap, client_id=client_id, properties=broker.properties)


def gateway(settings: Settings, command: Sequence[str]) -> GatewayConfig:
    """A stdio gateway in front of `command`. Without a key file its digests match no other producer's."""
    section, key_file = settings.gateway, settings.digest.key_file
    there = key_file.exists()
    return GatewayConfig(
        command=tuple(command),
        spool_dir=section.spool_dir,
        server=section.server,
        principal=section.principal,
        lease_socket=section.lease_socket,
        key_file=key_file if there else None,
        key_id=keyring(settings).key_id if there else "",
        host=settings.identity.host,
        cluster=settings.identity.cluster,
        dispatch_mode=section.dispatch_mode,
        bootstrap=settings.kafka.bootstrap,
        kafka=settings.kafka.properties(),
        sensitivity=settings.findings.sensitivity,
    )


def sensor(settings: Settings) -> SensorConfig:
    section = settings.sensor
    return SensorConfig(
        lease_socket=section.lease_socket,
        host=settings.identity.host,
        cluster=settings.identity.cluster,
        heartbeat_s=section.heartbeat_s,
        recording=section.recording,
    )


def worker(settings: Settings, broker: Broker, redis_url: str) -> WorkerConfig:
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
