"""Kafka security settings under librdkafka's names, as Faust and aiokafka want them. Refuses what it does not know."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import faust

from ..models.errors import ConfigError

__all__ = ["credentials"]

_KNOWN = frozenset(
    (
        *("security.protocol", "sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password"),
        *("ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.key.password"),
    )
)
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


def credentials(kafka: Mapping[str, str]) -> Any:
    """Faust credentials, None for plaintext. Raises ConfigError for unknown or missing properties and bad files."""
    if unknown := sorted(kafka.keys() - _KNOWN):
        raise ConfigError(
            f"a worker does not know the Kafka property {unknown[0]}", "known: " + ", ".join(sorted(_KNOWN))
        )
    protocol = kafka.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in _PROTOCOLS:
        raise ConfigError(f"security.protocol {protocol!r} is none", f"one of {', '.join(_PROTOCOLS)}")
    context = _context(kafka) if protocol.endswith("SSL") else None
    if not protocol.startswith("SASL"):
        return None if context is None else faust.SSLCredentials(context)
    mechanism = kafka.get("sasl.mechanism") or kafka.get("sasl.mechanisms") or "SCRAM-SHA-512"
    if not kafka.get("sasl.username") or not kafka.get("sasl.password"):
        raise ConfigError(f"{protocol} needs sasl.username and sasl.password")
    try:
        return faust.SASLCredentials(
            username=kafka["sasl.username"], password=kafka["sasl.password"], ssl_context=context, mechanism=mechanism
        )
    except ValueError as error:
        raise ConfigError(f"sasl.mechanism {mechanism!r} is not supported", "use SCRAM-SHA-512") from error


def _context(kafka: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"))
        if certificate := kafka.get("ssl.certificate.location"):
            context.load_cert_chain(certificate, kafka.get("ssl.key.location"), kafka.get("ssl.key.password"))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the TLS files cannot be used: {error}", "check the ssl.*.location properties") from error
    return context
