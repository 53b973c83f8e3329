"""A real Apache Kafka that lets nobody in without TLS, a password and permissions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from patience import PATIENCE_S

from triptych.infra import brokers
from triptych.infra.kafka.jars import fetch, java
from triptych.infra.ports import free_ports
from triptych.infra.process import running
from triptych.models import topics
from triptych.models.errors import TriptychError

PARTITIONS = 2
PASSWORDS = {"worker": "worker-pass", "stranger": "stranger-pass", "siem": "siem-pass"}


@dataclass(frozen=True)
class Secured:
    """`inside` is a listener for the tests alone, where everything is allowed."""

    address: str
    inside: str
    ca: Path
    other_ca: Path

    def client(self, user: str, password: str = "", ca: Path | None = None) -> dict[str, Any]:
        return {
            "bootstrap.servers": self.address,
            "security.protocol": "sasl_ssl",
            "ssl.ca.location": str(ca or self.ca),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password or PASSWORDS[user],
        }

    def allow(
        self,
        user: str,
        kind: ResourceType,
        name: str,
        *operations: AclOperation,
        pattern: ResourcePatternType = ResourcePatternType.LITERAL,
    ) -> None:
        bindings = [
            AclBinding(kind, name, pattern, f"User:{user}", "*", one, AclPermissionType.ALLOW) for one in operations
        ]
        admin = AdminClient({"bootstrap.servers": self.inside})
        for done in admin.create_acls(bindings).values():
            done.result(PATIENCE_S)


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, require: Any) -> Iterator[Secured]:
    """With our topics, and the users of PASSWORDS, who may do nothing yet."""
    folder = tmp_path_factory.mktemp("secured")
    try:
        jars, program = fetch(), java()
    except TriptychError as error:
        require("broker", str(error))
    _authority(folder, "ca")
    _authority(folder, "other")
    _certificate(folder)
    client, inside, controller = free_ports(3)
    config = folder / "server.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in _properties(folder, client, inside, controller)))
    command = (program, "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*")
    users = [word for user, password in PASSWORDS.items() for word in ("--add-scram", _scram(user, password))]
    formatted = (*command, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(config))
    subprocess.run((*formatted, *users), check=True, capture_output=True, timeout=PATIENCE_S, cwd=folder)
    with running((*command, "kafka.Kafka", str(config)), log=folder / "log", cwd=folder, patience_s=15) as process:
        broker = Secured(f"localhost:{client}", f"127.0.0.1:{inside}", folder / "ca.pem", folder / "other.pem")
        while not brokers.answers(broker.inside):
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
        admin = AdminClient({"bootstrap.servers": broker.inside})
        for made in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in topics.ALL]).values():
            made.result(PATIENCE_S)
        yield broker


def _properties(folder: Path, client: int, inside: int, controller: int) -> Iterator[tuple[str, object]]:
    yield from {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"CLIENT://127.0.0.1:{client},INSIDE://127.0.0.1:{inside},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENT://localhost:{client},INSIDE://127.0.0.1:{inside}",
        "inter.broker.listener.name": "INSIDE",
        "listener.security.protocol.map": "CLIENT:SASL_SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.client.plain.sasl.jaas.config": (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            + " ".join(f'user_{user}="{password}"' for user, password in PASSWORDS.items())
            + ";"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": folder / "broker.pem",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "allow.everyone.if.no.acl.found": "false",
        "log.dirs": folder / "data",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 2,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "auto.create.topics.enable": "false",
        "log.cleaner.dedupe.buffer.size": 8 << 20,
    }.items()


def _scram(user: str, password: str) -> str:
    return f"SCRAM-SHA-512=[name={user},password={password}]"


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(("openssl", *words), check=True, capture_output=True, timeout=PATIENCE_S, cwd=folder)


def _authority(folder: Path, name: str) -> None:
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    _openssl(folder, "req", "-x509", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")


def _certificate(folder: Path) -> None:
    """One PEM file with key, certificate and authority, as Kafka takes it."""
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(folder, "req", *curve, "-subj", "/CN=localhost", "-keyout", "broker.key", "-out", "broker.csr")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    _openssl(folder, "x509", "-req", "-in", "broker.csr", *signed, "-out", "broker.crt")
    (folder / "broker.pem").write_text(
        "".join((folder / name).read_text() for name in ("broker.key", "broker.crt", "ca.pem"))
    )
