"""A port is free when a gateway could listen on it."""

from __future__ import annotations

import socket

from triptych.infra.ports import free_ports, is_free


def test_a_port_is_free_until_somebody_listens() -> None:
    (port,) = free_ports(1)
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
