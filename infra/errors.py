"""What goes wrong between this machine and the parts it needs. infra/README.md lists the codes."""

from __future__ import annotations

from ..models.errors import TriptychError

__all__ = ["BrokerError", "KeyFileError", "ProgramError", "StoreError", "TopicError"]


class BrokerError(TriptychError):
    """K01 unreachable, K11 a provider that cannot serve here, K12 a real Kafka that did not start, K13 refused."""

    code = "K01"


class StoreError(TriptychError):
    """R01 unreachable, R11 a provider that cannot serve here, R12 a store that did not start, R13 one that would
    not keep what it is told."""

    code = "R01"


class TopicError(TriptychError):
    """T01 topics.toml is wrong, T02 the broker holds something that apply does not change by itself, T03 a topic would
    lose or refuse records."""

    code = "T01"


class ProgramError(TriptychError):
    """P01 a program that is needed is not installed, P02 a program ended with an error."""

    code = "P01"


class KeyFileError(TriptychError):
    """F01 no digest key, F02 a key file that is unreadable or no key, F03 a key file that exists already."""

    code = "F01"
