"""From a data set to labelled turns: the recording through the product's own join, each turn with its truth."""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...models import topics
from ...models.events import AgentSpan, Call
from ...models.turn import Turn
from ...streams.incidentmemory import IncidentMemory
from ...streams.known import Known, Wanted
from ...streams.memory import MemoryStore
from ...streams.openturn import OpenTurn
from ...streams.pins import Pin
from ...streams.stage import Input, Step
from ...streams.turns import key_of
from .. import worker
from ..brokers import Broker
from ..demo.world import OUTSIDE
from ..replay.recording import Recording
from ..replay.virtual import Stages, VirtualWorker
from ..settings import Networks, Settings
from .errors import LabError

__all__ = ["Labelled", "Truth", "labelled"]

_NOWHERE = Broker("none", "none", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true of one turn, written by who played it. Harmless where `story` is empty. `first`: the place among its
    calls of the attacker's first."""

    trace: str
    conversation: str
    principal: str
    kind: str
    story: str = ""
    family: str = ""
    form: str = ""
    build: str = ""
    agent: str = ""
    first: int = 0
    seen_by: tuple[str, ...] = ()
    verdict: str = "quiet"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A turn as it was observed, and the truth of it. `besides`: what its servers did outside every call, from its
    beginning until the next turn came to them."""

    turn: Turn
    truth: Truth
    besides: tuple[Turn, ...] = ()


def labelled(folder: Path) -> list[Labelled]:
    """The turns of a data set, in the order of their start. Raises LabError Y03, RecordingError."""
    truths = _truths(folder / "truth.jsonl")
    gathered = _joined(folder / "recording")
    told = sorted((turn for turn in gathered if turn.key in truths and turn.calls), key=_place)
    beside = _by_turn(told, [turn for turn in gathered if _is_background(turn)])
    return [Labelled(turn, truths[turn.key], tuple(beside[turn.key])) for turn in told]


def _place(turn: Turn) -> tuple[int, str]:
    return turn.calls[0].started_ns, turn.key


def _is_background(turn: Turn) -> bool:
    return bool(turn.calls) and all(call.state == "background" for call in turn.calls)


def _by_turn(told: Iterable[Turn], background: Sequence[Turn]) -> dict[str, list[Turn]]:
    """Background turns by the key of the turn that was the last to come to their workload."""
    visits: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for turn in told:
        for call in turn.calls:
            visits[call.workload].append((call.started_ns, turn.key))
    for places in visits.values():
        places.sort()
    found: dict[str, list[Turn]] = defaultdict(list)
    for one in background:
        before = visits[one.calls[0].workload]
        if at := bisect_right(before, one.calls[0].started_ns, key=lambda visit: visit[0]):
            found[before[at - 1][1]].append(one)
    return found


def _truths(file: Path) -> dict[str, Truth]:
    try:
        told = [json.loads(line) for line in file.read_text().splitlines()]
        truths = [Truth(**one | {"seen_by": tuple(one["seen_by"])}) for one in told]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LabError(f"{file} holds no truth: {error}", "make lab", code="Y03") from error
    return {truth.trace: truth for truth in truths}


def _joined(recording: Path) -> Sequence[Turn]:
    """All turns, with the last revision of each call and every span; from events, or from calls that were joined."""
    settings = Settings(networks=Networks(outside=OUTSIDE))
    config = worker.configured(settings, _NOWHERE, "")
    gathering = _Gathering()
    source = Recording(recording)
    join = None if topics.CALLS in source.topics else worker.calls(settings, config)
    stages = Stages(
        calls=join,
        turns=lambda: gathering,
        incidents=worker.incidents(settings),
        store=MemoryStore(),
        groups=IncidentMemory(settings.incidents.windows),
    )
    asyncio.run(VirtualWorker(stages, source.codec).run(source.records(stages.topics)))
    return gathering.turns()


class _Gathering:
    """In the place of stage 2: keeps all turns and judges none."""

    def __init__(self) -> None:
        self._open: dict[str, OpenTurn] = {}

    def turns(self) -> list[Turn]:
        return [one.turn() for one in self._open.values()]

    def wanted(self, records: Sequence[Input]) -> Wanted:
        return Wanted()

    def add(self, record: Input, pin: Pin, known: Known | None) -> Step:
        if isinstance(record, Call | AgentSpan):
            key = key_of(record)
            self._open.setdefault(key, OpenTurn(key)).take(record)
        return Step()

    def advance(self, watermark_ns: int) -> Step:
        return Step()

    def next_deadline(self) -> int | None:
        return None

    def crowding(self) -> bool:
        return False

    def counts(self) -> dict[str, int]:
        return {}

    def levels(self) -> dict[str, int]:
        return {}
