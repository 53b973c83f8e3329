"""What stage 2 asks of its store and tells it. Plain values: the store knows Redis, the stage does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..models.baseline import BaselineView
from ..models.detections.engine import Addition, Content, Hit, Place
from ..models.errors import ConfigError
from ..models.events import Alert, Call
from ..models.model import Model
from ..models.rolling import Latest

__all__ = ["Bounds", "Known", "Learn", "Quarantine", "Remember", "Sampled", "Told", "Wanted", "revision_key"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Baseline keys by server id, the hashes of the ledger, the calls that rules outside of the stage judge, and what
    is added to windows before they are read. The current model is wanted always."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ledger: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    additions: tuple[Addition, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """The answer: a view for each server that was asked about, the model to score with, if there is one, what the
    ledger's hashes hold, what rules outside of the stage say, by `revision_key` of a call, how often they failed,
    what windows hold, the model that is only tried, and by server how rare the latest turns were."""

    views: Mapping[str, BaselineView] = field(default_factory=dict)
    model: Model | None = None
    ledger: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    hits: Mapping[str, tuple[Hit, ...]] = field(default_factory=dict)
    failed: int = 0
    windows: Mapping[Place, Content] = field(default_factory=dict)
    candidate: Model | None = None
    latest: Mapping[str, Latest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learn:
    """Facts of a normal `turn` for one server's baseline. `counts`: whether it is one of the server's sessions; effects
    without a call are learned and are no session."""

    server: str
    session: str
    principal: str
    keys: tuple[str, ...]
    seen_ns: int
    counts: bool = True
    turn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remember:
    """A normal turn for training: history.to_json of the reduced turn, under its key."""

    turn: str
    started_ns: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A closed turn's observation (models.observation), for the sample of that name."""

    sample: str
    turn: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A turn that raised `findings`, and what it would have taught. `unusual`: by server the facts that nobody had made
    known; `alike` names what is unusual about it; `by_score`: no rule spoke, so enough `principals` make it normal."""

    turn: str
    findings: tuple[str, ...]
    seen_ns: int
    lessons: tuple[Learn | Remember | Sampled, ...]
    unusual: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alike: str = ""
    principal: str = ""
    by_score: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The last revision of a finding, for whoever says later what it turned out to be."""

    alert: Alert


def revision_key(call: Call) -> str:
    """One revision of one call."""
    return f"{call.call_id}/{call.revision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Most facts a server's baseline may hold, and most turns that training remembers."""

    facts: int = 200_000
    turns: int = 5_000

    def __post_init__(self) -> None:
        if self.facts < 1_000 or self.turns < 100:
            raise ConfigError(
                f"room for {self.facts} facts and {self.turns} turns", "1000 facts and 100 turns at least"
            )
