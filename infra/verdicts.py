"""What analysts made of findings, for the workers: one line of JSON each, keyed by the finding."""

from __future__ import annotations

import getpass
import time
from collections.abc import Mapping
from typing import Any

import orjson

from ..models import topics
from ..models.errors import TriptychError
from ..models.text import clean
from .changes import send

__all__ = ["VerdictError", "publish", "render"]


class VerdictError(TriptychError):
    """A05: a verdict that says nothing."""

    code = "A05"


def publish(client: Mapping[str, Any], finding_uid: str, verdict: str, reason: str) -> None:
    """Raises VerdictError A05 without a reason, BrokerError K13 where the broker does not take it."""
    if not reason.strip():
        raise VerdictError("a verdict needs a reason", '--reason "planned migration"')
    body = render(finding_uid, verdict, reason, by=getpass.getuser(), time_ms=time.time_ns() // 1_000_000)
    send(client, topics.VERDICTS, [(finding_uid, body)])


def render(finding_uid: str, verdict: str, reason: str, *, by: str, time_ms: int) -> bytes:
    """`verdict`: true or false. `time_ms`: Unix epoch."""
    told = {
        "finding_uid": finding_uid,
        "verdict": verdict,
        "reason": clean(reason, 1_000),
        "by": clean(by, 128),
        "time_ms": time_ms,
    }
    return orjson.dumps(told)
