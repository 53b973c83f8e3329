"""Settings to what the producers ask for. Knows both sides; what cannot work is refused by the producer itself."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from ..models.digest import Keyring
from ..producers.agent.otlp import AgentConfig
from ..producers.agent.spans import Origin
from ..producers.gateway.config import GatewayConfig
from ..producers.gateway.spool.ship import ShipConfig
from ..producers.publish import PublishConfig
from ..producers.sensor.config import SensorConfig
from ..producers.sensor.processes import boot_id
from . import keys
from .brokers import Broker
from .settings import Settings

__all__ = ["agent", "gateway", "keyring", "publish", "sensor", "shipper"]


def keyring(settings: Settings) -> Keyring:
    """The tenant's digest key. Raises KeyFileError."""
    return keys.load(settings.digest.key_file, settings.digest.key_id)


def publish(broker: Broker, client_id: str) -> PublishConfig:
    return PublishConfig(bootstrap=broker.bootstrap, client_id=client_id, properties=broker.properties)


def agent(settings: Settings) -> AgentConfig:
    identity, section = settings.identity, settings.agent
    origin = Origin(producer=f"agent:{uuid4()}", boot_id=boot_id(), host=identity.host, cluster=identity.cluster)
    return AgentConfig(origin=origin, host=section.host, port=section.port)


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
        ship=section.ship,
        bootstrap=settings.kafka.bootstrap,
        kafka=settings.kafka.properties(),
        sensitivity=settings.findings.sensitivity,
    )


def shipper(settings: Settings, broker: Broker) -> ShipConfig:
    return ShipConfig(spool_dir=settings.gateway.spool_dir, bootstrap=broker.bootstrap, properties=broker.properties)


def sensor(settings: Settings) -> SensorConfig:
    section = settings.sensor
    return SensorConfig(
        lease_socket=section.lease_socket,
        host=settings.identity.host,
        cluster=settings.identity.cluster,
        heartbeat_s=section.heartbeat_s,
        lease_mode=int(section.lease_mode, 8),
        recording=section.recording,
    )
