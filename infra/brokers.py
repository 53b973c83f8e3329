"""Where events travel, by setting: librdkafka's mock cluster in this process, a real Kafka on loopback, or yours."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from . import admin, settings, topics
from .errors import BrokerError

if TYPE_CHECKING:
    from .kafka.cluster import Cluster

__all__ = ["Broker", "answers", "cluster", "external", "reach", "start"]

# What librdkafka calls a failure, the most telling first, and what a person checks then.
_CAUSES = {
    "_AUTHENTICATION": ("not let in", "check kafka.sasl_username, kafka.sasl_password and kafka.sasl_mechanism"),
    "_SSL": ("no TLS", "check kafka.ssl_ca_file and the names in the broker's certificate"),
    "_RESOLVE": ("no such host", "check the host name in kafka.bootstrap"),
    "_TRANSPORT": ("no answer", "is it running? check kafka.bootstrap and kafka.security_protocol"),
    "_BAD_MSG": (
        "no answer that is Kafka's",
        "is it running, does a firewall drop it? check host and port in kafka.bootstrap, and kafka.security_protocol",
    ),
}
_HOPELESS = {"_AUTHENTICATION", "_SSL", "_ALL_BROKERS_DOWN"}  # waiting longer changes nothing


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that answers. `properties` are librdkafka's connection properties beside the address."""

    provider: str
    bootstrap: str
    properties: dict[str, str] = field(repr=False)

    def client(self) -> dict[str, str]:
        """Configuration of a confluent-kafka client of this broker."""
        return {"bootstrap.servers": self.bootstrap, **self.properties}

    def environment(self) -> dict[str, str]:
        """Settings that lead another process to this broker (credentials it must have by itself)."""
        return {"TRIPTYCH_KAFKA__PROVIDER": "external", "TRIPTYCH_KAFKA__BOOTSTRAP": self.bootstrap}


@contextlib.contextmanager
def start(section: settings.Kafka) -> Iterator[Broker]:
    """The broker of the settings with its topics; started here unless external. Raises BrokerError, ProgramError."""
    match section.provider:
        case "external":
            yield reach(section)
        case "local":
            from .kafka.server import kafka  # noqa: PLC0415  # only this provider needs it

            with kafka(section.partitions, answers) as bootstrap:
                broker = Broker("local", bootstrap, {})
                admin.apply(broker.client(), topics.wanted(section.partitions))
                yield broker
        case "embedded":
            yield from _embedded()


@contextlib.contextmanager
def cluster(partitions: int) -> Iterator[Cluster]:
    """Three brokers with our topics, replicated, whose nodes may be killed. Raises BrokerError, ProgramError."""
    from .kafka.cluster import cluster as started  # noqa: PLC0415  # only this needs it

    with started(partitions, answers) as ours:
        admin.apply({"bootstrap.servers": ours.bootstrap}, topics.wanted(partitions))
        yield ours


def external(section: settings.Kafka) -> Broker:
    """The broker that other processes use too, without asking whether it answers. Raises BrokerError K11."""
    if section.provider != "external":
        raise BrokerError(
            f"kafka.provider is {section.provider}, a broker inside one process, and this command runs beside others",
            "set TRIPTYCH_KAFKA__BOOTSTRAP=host:9092, or see it all in one process: triptych demo",
            code="K11",
        )
    return Broker("external", section.bootstrap, section.properties())


def reach(section: settings.Kafka, timeout_s: float = 6.0) -> Broker:
    """The external broker, once it answers. Raises BrokerError K01, K11."""
    broker = external(section)
    said: list[str] = []
    noted: dict[str, Any] = {"log_level": 0, "error_cb": lambda error: said.append(error.name())}
    client = _client({**broker.client(), **noted}, section)
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            client.list_topics(timeout=min(1.0, timeout_s))
            return broker
        except KafkaException:
            client.poll(0)  # runs error_cb
            if time.monotonic() > deadline or not _HOPELESS.isdisjoint(said):
                raise _unreachable(section, said) from None


def _client(configured: Mapping[str, Any], section: settings.Kafka) -> AdminClient:
    """librdkafka reads the files of TLS at once, and does not say which of them it means."""
    try:
        return AdminClient(dict(configured))
    except KafkaException as error:
        given = (section.ssl_ca_file, section.ssl_certificate_file, section.ssl_key_file)
        files = ", ".join(str(file) for file in given if file) or "none"
        raise BrokerError(
            f"these settings of Kafka cannot be used: {error.args[0].str()}", f"TLS files: {files}"
        ) from None


def _unreachable(section: settings.Kafka, said: list[str]) -> BrokerError:
    """What librdkafka said first and most precisely, in the words of the settings: its exceptions all say transport.
    Where a connection stands and nothing comes of it, it says nothing."""
    cause, hint = _CAUSES[next((name for name in _CAUSES if name in said), "_BAD_MSG")]
    return BrokerError(f"cannot reach Kafka at {section.bootstrap}: {cause}", hint)


def answers(bootstrap: str) -> bool:
    """Whether a broker without security answers at this address."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        return bool(client.list_topics(timeout=0.5).brokers)
    except KafkaException:
        return False


def _embedded() -> Iterator[Broker]:
    # The mock cluster lives as long as this producer; the address in its configuration is never dialled.
    cluster = Producer({"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "log_level": 0})
    brokers = cluster.list_topics(timeout=10).brokers.values()
    broker = Broker("embedded", ",".join(f"{node.host}:{node.port}" for node in brokers), {})
    admin.touch(broker.client(), topics.wanted(settings.EMBEDDED_PARTITIONS))
    yield broker
    cluster.flush(0)
