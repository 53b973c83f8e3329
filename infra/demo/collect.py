"""Keeps what the demo reads from the topics: newest calls, alerts, dead letters, and any canary that got in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from confluent_kafka import Message

from ...models import topics
from ...models.events import Alert, Call, DeadLetter
from ...models.wire import Codec, bundled
from .canary import in_bytes

__all__ = ["TOPICS", "Collected"]

TOPICS = topics.ALL


class Collected:
    """Everything so far. `canaries` are looked for in the bytes of every record, key and headers included."""

    def __init__(self, canaries: Mapping[str, str]) -> None:
        self._canaries = canaries
        self._codec: Codec = bundled()
        self.records: Counter[str] = Counter()
        self.calls: dict[str, Call] = {}
        self.alerts: list[Alert] = []
        self.ocsf: list[dict[str, Any]] = []
        self.dead_letters: list[str] = []
        self.leaks: list[str] = []

    def add(self, messages: Iterable[Message]) -> None:
        """Take records of any of TOPICS. Raises WireError for one that is no event: the product wrote it."""
        for message in messages:
            topic, value = str(message.topic()), message.value() or b""
            self.records[topic] += 1
            self.leaks += in_bytes(self._canaries, topic, value)
            self.leaks += in_bytes(self._canaries, f"{topic} (key, headers)", _envelope(message))
            self._keep(topic, value)

    @property
    def tool_calls(self) -> int:
        """Tool calls that were joined, each counted once."""
        return sum(call.method == "tools/call" for call in self.calls.values())

    def _keep(self, topic: str, value: bytes) -> None:
        match topic:
            case topics.CALLS:
                call = self._codec.decode(value, Call)
                if call.call_id and call.revision >= self.calls.get(call.call_id, call).revision:
                    self.calls[call.call_id] = call
            case topics.ALERTS:
                self.alerts.append(self._codec.decode(value, Alert))
            case topics.ALERTS_OCSF:
                self.ocsf.append(orjson.loads(value))
            case topics.DEADLETTER:
                letter = self._codec.decode(value, DeadLetter)
                self.dead_letters.append(f"{letter.code} from {letter.topic}: {letter.reason}")


def _envelope(message: Message) -> bytes:
    return repr((message.key(), message.headers())).encode()
