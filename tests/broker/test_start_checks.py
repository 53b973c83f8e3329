"""What a worker is told before it starts, by a Kafka that wants TLS, a password and permissions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AclOperation, ResourceType
from patience import PATIENCE_S
from pydantic import SecretStr

from triptych.infra import brokers, permissions
from triptych.infra.errors import BrokerError
from triptych.infra.permissions import Needs
from triptych.infra.settings import Kafka
from triptych.models import topics

pytestmark = pytest.mark.broker

NEEDS = Needs(reads=(topics.PROTOCOL, topics.EXECUTION), writes=(topics.CALLS,), group="triptych")


def section(secured: Any, user: str = "worker", password: str = "", ca: Path | None = None) -> Kafka:
    client = secured.client(user, password, ca)
    return Kafka(
        provider="external",
        bootstrap=secured.address,
        security_protocol="sasl_ssl",
        sasl_username=user,
        sasl_password=SecretStr(client["sasl.password"]),
        ssl_ca_file=Path(client["ssl.ca.location"]),
    )


@pytest.fixture(scope="module")
def allowed(secured: Any) -> Any:
    """The broker, on which `worker` may do what a worker does."""
    for topic in NEEDS.reads:
        secured.allow("worker", ResourceType.TOPIC, topic, AclOperation.READ)
    for topic in NEEDS.writes:
        secured.allow("worker", ResourceType.TOPIC, topic, AclOperation.WRITE)
    secured.allow("worker", ResourceType.GROUP, NEEDS.group, AclOperation.READ)
    return secured


def test_the_right_password_and_authority_are_let_in(secured: Any) -> None:
    assert brokers.reach(section(secured)).bootstrap == secured.address


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "no"}, "not let in"),
        ({"user": "nobody", "password": "x"}, "not let in"),
        ({"ca": "other"}, "no TLS"),
    ],
)
def test_a_wrong_password_or_authority_is_told_apart_with_its_setting(
    secured: Any, wrong: dict[str, Any], said: str
) -> None:
    given = {**wrong, **({"ca": secured.other_ca} if "ca" in wrong else {})}
    with pytest.raises(BrokerError, match=said) as raised:
        brokers.reach(section(secured, **given))
    assert "kafka.s" in raised.value.hint


def test_a_client_that_speaks_plainly_to_a_secured_listener_is_told_to_look_at_security(secured: Any) -> None:
    with pytest.raises(BrokerError) as raised:
        brokers.reach(Kafka(provider="external", bootstrap=secured.address))
    assert "kafka.security_protocol" in raised.value.hint


def test_who_may_do_everything_is_not_held_up(allowed: Any) -> None:
    permissions.check(allowed.client("worker"), NEEDS)


def test_everything_that_is_denied_is_named_at_once(allowed: Any) -> None:
    with pytest.raises(BrokerError) as raised:
        permissions.check(allowed.client("stranger"), NEEDS)
    for lacking in ("read mcp.protocol", "read mcp.execution", "write mcp.calls", "use the group triptych"):
        assert lacking in raised.value.what


def test_a_group_of_another_name_is_denied_alone(allowed: Any) -> None:
    needs = Needs(reads=NEEDS.reads, writes=NEEDS.writes, group="other")
    with pytest.raises(BrokerError, match="use the group other") as raised:
        permissions.check(allowed.client("worker"), needs)
    assert "read" not in raised.value.what


def test_records_ahead_of_this_clock_are_found(secured: Any) -> None:
    inside = {"bootstrap.servers": secured.inside}
    now = time.time_ns() // 10**6
    producer = Producer(inside)
    producer.produce(topics.AGENT, b"x", timestamp=now + 600_000)
    assert producer.flush(PATIENCE_S) == 0
    found = permissions.ahead_ms(inside, (topics.VERDICTS, topics.AGENT), now)
    assert found == (topics.AGENT, 600_000)
    assert permissions.ahead_ms(inside, (topics.VERDICTS,), now) is None
