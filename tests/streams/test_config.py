"""Settings that cannot work are refused with their numbers."""

from __future__ import annotations

from typing import Any

import pytest

from triptych.models.errors import ConfigError
from triptych.streams.config import WorkerConfig
from triptych.streams.security import credentials

SASL = {"security.protocol": "SASL_PLAINTEXT", "sasl.username": "u", "sasl.password": "canary"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bootstrap": " "}, "no broker"),
        ({"group": "a/b"}, "a/b"),
        ({"stages": ("calls", "sorting")}, "sorting"),
        ({"stages": ("calls", "calls")}, "calls"),
        ({"stages": ()}, "stages"),
        ({"idle_ms": 0}, "idle_ms is 0"),
        ({"idle_ms": 300}, "idle_ms 300 is below twice tick_ms 200"),
        ({"grace_ms": 300, "slack_ms": 200}, "twice slack_ms 200"),
        ({"max_call_s": 10.0, "gap_s": 30.0}, "max_call_s 10"),
        ({"health_port": 70_000}, "70000"),
        ({"partitions": 0}, "0 partitions"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_its_value(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        WorkerConfig(**{"bootstrap": "127.0.0.1:9092", **wrong})


def test_times_reach_the_join_and_the_clock_in_nanoseconds() -> None:
    config = WorkerConfig(bootstrap="b:1", grace_ms=1_500, gap_s=2.5, idle_ms=700)
    times = config.join.grace_ns, config.join.gap_ns, config.clock.idle_ns
    assert times == (1_500_000_000, 2_500_000_000, 700_000_000)


@pytest.mark.parametrize(
    ("kafka", "said"),
    [
        ({"fetch.min.bytes": "1"}, "fetch.min.bytes"),
        ({"security.protocol": "TLS"}, "TLS"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.username": "u"}, "sasl.password"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/nonexistent/ca.pem"}, "TLS files"),
        ({**SASL, "sasl.mechanism": "X"}, "'X'"),
    ],
)
def test_security_that_cannot_work_is_refused(kafka: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        credentials(kafka)
    assert "canary" not in str(refused.value)


def test_scram_credentials_reach_faust() -> None:
    made = credentials({**SASL, "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"})
    assert (made.protocol.value, made.mechanism.value, made.username, made.ssl_context is not None) == (
        "SASL_SSL",
        "SCRAM-SHA-512",
        "u",
        True,
    )
