"""What the models conclude, and what could not be processed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .call import Coverage, Effect
from .execution import Binding
from .protocol import Principal, Server

__all__ = [
    "Activity",
    "Alert",
    "DeadLetter",
    "Layer",
    "LearningState",
    "Reason",
    "RuleHit",
    "Score",
    "Severity",
    "TimelineEntry",
]

Layer = Literal["unknown", "protocol", "execution", "agent", "chain"]
Severity = Literal["unknown", "informational", "low", "medium", "high", "critical"]
LearningState = Literal["learning", "provisional", "active"]
Activity = Literal["create", "update", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One fact that speaks for a finding."""

    fact: str = ""
    layer: Layer = "unknown"
    weight: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of a finding's story, in event time."""

    wall_ns: int = 0
    layer: Layer = "unknown"
    title: str = ""
    source: str = ""
    call_id: str = ""
    notable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHit:
    """One detection that matched."""

    id: str = ""
    version: int = 0
    title: str = ""
    severity: Severity = "unknown"
    evidence: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What the model said of the turn."""

    risk: float = 0.0
    p: float = 0.0
    calibration_size: int = 0
    state: LearningState = "learning"
    model_id: str = ""
    feature_set: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One finding, as stream consumers read it. A later revision of the same finding keeps finding_uid and
    raises sequence."""

    event_id: str = ""
    workload: str = ""
    correlation_id: str = ""
    call_id: str = ""
    wall_ns: int = 0
    mono_ns: int = 0
    boot_id: str = ""
    host: str = ""
    cluster: str = ""
    key_id: str = ""
    finding_uid: str = ""
    sequence: int = 0
    activity: Activity = "create"
    title: str = ""
    message: str = ""
    severity: Severity = "unknown"
    risk: float = 0.0
    confidence: int = 0
    conversation: str = ""
    principal: Principal = Principal()
    server: Server = Server()
    tool: str | None = None
    agent: str | None = None
    call_ids: tuple[str, ...] = ()
    started_ns: int = 0
    ended_ns: int = 0
    rules: tuple[RuleHit, ...] = ()
    score: Score | None = None
    reasons: tuple[Reason, ...] = ()
    binding: Binding = "none"
    coverage: Coverage = Coverage()
    timeline: tuple[TimelineEntry, ...] = ()
    effects: tuple[Effect, ...] = ()
    unobserved: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that could not be processed, with its reason. Nothing is dropped in silence."""

    event_id: str = ""
    topic: str = ""
    partition: int = 0
    offset: int = 0
    wall_ns: int = 0
    code: str = ""
    reason: str = ""
    stage: str = ""
    key: bytes | None = None
    value: bytes = b""
