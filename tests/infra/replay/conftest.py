"""A short history on topics: harmless calls, an attack, an agent span, and bytes of somebody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from triptych.infra.loading import load, set_flags
from triptych.infra.replay.folder import Folder
from triptych.infra.replay.recorded import Recorded
from triptych.infra.settings import Settings
from triptych.models import topics, wire
from triptych.models.events import AgentSpan, CallRef, ExecutionBatch, ExecutionEvent, ProtocolEvent, Server

CODEC = wire.bundled()
START_NS = 1_700_000_000 * 10**9
MS = 1_000_000


def happened(call: str, at_ms: int, *effects: ExecutionEvent, turn: str = "") -> list[tuple[str, Any]]:
    """What the producers send of one call: request, a batch of its effects, reply, a heartbeat later."""
    at, turn = START_NS + at_ms * MS, turn or f"turn-{call}"
    known: dict[str, Any] = {"workload": "w", "call_id": call, "correlation_id": turn, "conversation": f"c-{turn}"}
    known |= {"tool": "read_config", "method": "tools/call", "server": Server(id="files"), "lease": "granted"}
    sent: dict[str, Any] = {"workload": "w", "boot_id": "b"}
    beat = at + 1_500 * MS
    return [
        (topics.PROTOCOL, ProtocolEvent(event_id=f"{call}/1", wall_ns=at, mono_ns=at, kind="request", **known)),
        (
            topics.EXECUTION,
            ExecutionBatch(
                event_id=f"{call}/2",
                wall_ns=at + 5 * MS,
                mono_ns=at + 5 * MS,
                calls=(CallRef(call_id=call, correlation_id=turn),),
                events=effects,
                **sent,
            ),
        ),
        (
            topics.PROTOCOL,
            ProtocolEvent(event_id=f"{call}/3", wall_ns=at + 20 * MS, kind="response", is_error=False, **known),
        ),
        (
            topics.EXECUTION,
            ExecutionBatch(event_id=f"{call}/4", wall_ns=beat, mono_ns=beat, status="heartbeat", **sent),
        ),
    ]


def stole(call: str, at_ms: int) -> list[tuple[str, Any]]:
    """A call that reads credentials and connects to a stranger."""
    at = START_NS + at_ms * MS
    stamp: dict[str, Any] = {"calls": (0,), "binding": "exact", "evidence": "leased", "pid": 7, "comm": "server"}
    return happened(
        call,
        at_ms,
        ExecutionEvent(kind="open", mono_ns=at + 2 * MS, path="/home/ann/.aws/credentials", result=3, **stamp),
        ExecutionEvent(kind="connect", mono_ns=at + 3 * MS, address="203.0.113.9", port=443, protocol="tcp", **stamp),
    )


def on_topics(happenings: Sequence[tuple[str, Any]], partitions: int = 3) -> list[Recorded]:
    """The events as records that arrived when they happened."""
    ordered = sorted(happenings, key=lambda one: one[1].wall_ns)
    return [
        Recorded(
            topic=topic,
            partition=len(event.event_id) % partitions if topic == topics.AGENT else 1,
            offset=offset,
            timestamp=event.wall_ns // MS,
            timestamp_type=0,
            key=b"w",
            value=CODEC.encode(event),
            headers=(("from", b"test"), ("empty", None)),
        )
        for offset, (topic, event) in enumerate(ordered)
    ]


@dataclass(frozen=True)
class History:
    """What tests make histories of."""

    happened: Callable[..., list[tuple[str, Any]]] = happened
    stole: Callable[..., list[tuple[str, Any]]] = stole
    on_topics: Callable[..., list[Recorded]] = on_topics
    codec: wire.Codec = CODEC

    def usual(self) -> list[Recorded]:
        """Twenty harmless calls over a minute, one theft among them, and an agent's span of it."""
        happenings = [one for number in range(20) for one in happened(f"call-{number}", number * 3_000)]
        span = AgentSpan(
            event_id="span", correlation_id="turn-theft", trace_id="turn-theft", span_id="s", agent="helper",
            wall_ns=START_NS + 31_000 * MS, started_ns=START_NS + 30_000 * MS, ended_ns=START_NS + 31_000 * MS,
        )  # fmt: skip
        return on_topics([*happenings, *stole("theft", 30_000), (topics.AGENT, span)])

    def write(self, folder: Path, records: Sequence[Recorded]) -> Path:
        with Folder(folder) as recording:
            for record in records:
                recording.add(record)
        return folder


@pytest.fixture(scope="session")
def history() -> History:
    return History()


@pytest.fixture(scope="session")
def settings() -> Settings:
    return load(None, set_flags([])).settings
