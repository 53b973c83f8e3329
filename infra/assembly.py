"""Settings to what the producers ask for, gateways aside (infra/gateways.py). What cannot work is refused by them."""

from __future__ import annotations

from uuid import uuid4

from ..models.digest import Keyring
from ..producers.agent.otlp import AgentConfig
from ..producers.agent.spans import Origin
from ..producers.publish import PublishConfig
from ..producers.sensor.config import SensorConfig
from ..producers.sensor.identity.config import IdentityConfig, KubernetesConfig
from ..producers.sensor.processes import boot_id
from . import keys
from .brokers import Broker
from .settings import Settings

__all__ = ["agent", "identity", "keyring", "publish", "sensor"]


def keyring(settings: Settings) -> Keyring:
    """The tenant's digest key. Raises KeyFileError."""
    return keys.load(settings.digest.key_file, settings.digest.key_id)


def publish(broker: Broker, client_id: str) -> PublishConfig:
    return PublishConfig(bootstrap=broker.bootstrap, client_id=client_id, properties=broker.properties)


def agent(settings: Settings) -> AgentConfig:
    identity, section = settings.identity, settings.agent
    origin = Origin(producer=f"agent:{uuid4()}", boot_id=boot_id(), host=identity.host, cluster=identity.cluster)
    return AgentConfig(origin=origin, host=section.host, port=section.port)


def sensor(settings: Settings) -> SensorConfig:
    section = settings.sensor
    return SensorConfig(
        lease_socket=section.lease_socket,
        host=settings.identity.host,
        cluster=settings.identity.cluster,
        heartbeat_s=section.heartbeat_s,
        lease_mode=int(section.lease_mode, 8),
        lease_users=section.lease_users,
        recording=section.recording,
        events_per_second=section.events_per_second,
        ring_bytes=section.ring_bytes,
        proving=section.proving,
        front_end=section.front_end,
    )


def identity(settings: Settings) -> IdentityConfig:
    """Where the sensor learns the names of workloads."""
    section = settings.sensor
    cluster = None
    if section.kubernetes_api:
        cluster = KubernetesConfig(
            url=section.kubernetes_api,
            node=section.kubernetes_node,
            token=section.kubernetes_token,
            ca=section.kubernetes_ca,
        )
    return IdentityConfig(kubernetes=cluster, docker=section.docker_socket, wait_s=section.name_wait_s)
