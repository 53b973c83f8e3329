"""A broker that cannot be reached is told by what is there instead."""

from __future__ import annotations

import socket

import pytest

from triptych.infra import brokers
from triptych.infra.errors import BrokerError
from triptych.infra.settings import Kafka


def test_silence_is_no_proof_that_something_else_listens() -> None:
    """A firewall that drops packets and a port that is not Kafka's look alike."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        section = Kafka(provider="external", bootstrap=f"127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(BrokerError, match="no answer that is Kafka's") as raised:
            brokers.reach(section, timeout_s=0.3)
    assert all(word in raised.value.hint for word in ("firewall", "kafka.bootstrap", "kafka.security_protocol"))
