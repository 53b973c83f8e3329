"""Agent spans to Kafka: returns when the broker has them, so that the sender's retry covers every loss."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ...models import topics
from ...models.errors import TriptychError
from ...models.events import AgentSpan
from ...models.wire import Codec
from ..publish import Publisher
from .otlp import Publish

__all__ = ["publishing"]

_POLL_S = 0.02


def publishing(
    publisher: Publisher,
    codec: Codec,
    topic: str = topics.AGENT,
    *,
    wait_s: float = 10.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> Publish:
    """The receiver's `publish`. It raises TriptychError K03 when a span is not acknowledged within `wait_s` seconds."""

    def publish(spans: Sequence[AgentSpan]) -> None:
        answers: list[str | None] = []
        for span in spans:
            publisher.send(topic, span.correlation_id, codec.encode(span), on_delivery=answers.append)
        deadline = monotonic() + wait_s
        while len(answers) < len(spans) and monotonic() < deadline:
            publisher.poll(_POLL_S)
        refused = [answer for answer in answers if answer is not None]
        if refused or len(answers) < len(spans):
            reason = refused[0] if refused else publisher.last_error or f"no answer within {wait_s:g} s"
            raise TriptychError(f"spans could not be published: {reason}", "send them again", code="K03")

    return publish
