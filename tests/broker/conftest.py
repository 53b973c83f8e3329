"""A real Apache Kafka that lets nobody in without TLS, a password and permissions."""

from __future__ import annotations

from secured_kafka import PASSWORDS, Secured, secured

__all__ = ["PASSWORDS", "Secured", "secured"]
