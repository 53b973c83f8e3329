"""Delivers an export over OTLP/HTTP: protobuf, gzip, tried again as OTLP asks (opentelemetry.io/docs/specs/otlp).

A collector that is away, busy or broken is waited for without end; what it will never take is halved down to the one
record, which is left out and counted. Every other refusal concerns the sender and ends it: another try changes nothing.
"""

from __future__ import annotations

import gzip
import http.client
import random
import ssl
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import unquote, urlsplit

import structlog

from ...models.errors import ConfigError, TriptychError
from ...models.text import clean

__all__ = ["Collector", "ExportError", "Sender", "headers_of"]

log = structlog.get_logger(__name__)

T = TypeVar("T")
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_OF_THE_RECORD = frozenset({400, 413, 422})
_FIRST_S, _LONGEST_S = 0.5, 30.0


class ExportError(TriptychError):
    """X11 a collector that does not want this sender."""

    code = "X11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Where exports go: the address without `/v1/...`, headers that let us in, seconds for one answer."""

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{clean(self.endpoint)} is no address of a collector", "http://127.0.0.1:4318")
        if self.timeout_s <= 0:
            raise ConfigError(f"timeout_s is {self.timeout_s}, it must be above 0")

    def post(self, path: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer. Raises OSError or HTTPException where there is none."""
        parts = urlsplit(self.endpoint)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host, timeout = str(parts.hostname), self.timeout_s
        connection = (
            http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=timeout)
        )
        sent = {**self.headers, "content-type": "application/x-protobuf", "content-encoding": "gzip"}
        try:
            connection.request("POST", parts.path.rstrip("/") + path, gzip.compress(body, 1), sent)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read(1 << 20)
        finally:
            connection.close()


def headers_of(text: str) -> dict[str, str]:
    """`name=value,name=value`, as OpenTelemetry's environment has it. Raises ConfigError, which repeats no secret."""
    found = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, equals, value = pair.partition("=")
        name, value = unquote(name.strip()).lower(), unquote(value.strip())
        if not equals or not name or not (name + value).isprintable() or not (name + value).isascii():
            raise ConfigError("the headers of the collector cannot be read", "NAME=VALUE,NAME=VALUE")
        found[name] = value
    return found


class Sender(Generic[T]):
    """One kind of records to one collector. `wait(seconds)` says whether to go on; `counts`, what became of all."""

    def __init__(
        self,
        collector: Collector,
        path: str,
        request: Callable[[Sequence[T]], Any],
        rejected: Callable[[bytes], int],
        wait: Callable[[float], bool],
    ) -> None:
        self._collector, self._path, self._request, self._rejected, self._wait = (
            collector,
            path,
            request,
            rejected,
            wait,
        )
        self.counts: Counter[str] = Counter()

    def send(self, records: Sequence[T]) -> bool:
        """Whether everything is done with: taken, or refused for good. False when told to stop. Raises ExportError."""
        if not records:
            return True
        status, answer = self._answered(self._request(records).SerializeToString())
        if status == 0:
            return False
        if 200 <= status < 300:
            refused = min(self._rejected(answer), len(records))
            self.counts["taken"] += len(records) - refused
            if refused:
                self.counts["refused: partial success"] += refused
            return True
        if status not in _OF_THE_RECORD:
            where = f"{self._collector.endpoint}{self._path}"
            raise ExportError(f"{clean(where)} answers {status}", "its address, and OTEL_EXPORTER_OTLP_HEADERS")
        if len(records) > 1:
            half = len(records) // 2
            return self.send(records[:half]) and self.send(records[half:])
        self.counts[f"refused: {status}"] += 1
        return True

    def _answered(self, body: bytes) -> tuple[int, bytes]:
        """The first answer that is not `later`; status 0 when told to stop waiting."""
        pause, away = _FIRST_S, ""
        while True:
            asked, before = 0.0, away
            try:
                status, headers, answer = self._collector.post(self._path, body)
            except (OSError, http.client.HTTPException) as error:
                away = clean(str(error) or type(error).__name__)
            else:
                if status not in _BUSY:
                    if away:
                        log.info("collector is back", path=self._path)
                    return status, answer
                away = f"it answers {status}"
                asked = _seconds(headers.get("retry-after", ""))
            self.counts["tried again"] += 1
            if away != before:
                log.warning("collector away, waiting for it", path=self._path, reason=away)
            if not self._wait(max(asked, pause * random.uniform(0.5, 1.0))):  # noqa: S311 - spreads senders, hides nothing
                return 0, b""
            pause = min(pause * 2, _LONGEST_S)


def _seconds(retry_after: str) -> float:
    return min(float(retry_after), _LONGEST_S) if retry_after.isdecimal() else 0.0
