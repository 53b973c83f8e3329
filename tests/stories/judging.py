"""Stories judged as a worker judges: joined, turned and weighed in virtual time, after weeks of ordinary life."""

from __future__ import annotations

import asyncio
import copy
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from triptych.infra import worker
from triptych.infra.brokers import Broker
from triptych.infra.detections import assembling
from triptych.infra.detections.ruleset import Ruleset
from triptych.infra.replay.recorded import Recorded
from triptych.infra.replay.virtual import Findings, Stages, VirtualWorker
from triptych.infra.settings import Settings
from triptych.models import topics
from triptych.models.events import Alert, ProtocolEvent
from triptych.models.wire import bundled
from triptych.streams.incidentmemory import IncidentMemory
from triptych.streams.memory import MemoryStore
from triptych.streams.trainer import Trainer
from triptych.streams.turns import JudgeTimes, Turns

from .telling import Era, Event, Teller, steps_of

__all__ = ["STORIES", "VARIANTS", "found", "life", "played", "turns"]

_FOLDER = Path(__file__).parent
_CODEC = bundled()
_WEEKS_S = 15 * 86_400.0
STORIES: Mapping[str, Mapping[str, Any]] = {
    rule: story
    for layer in ("protocol", "execution", "agent", "chain")
    for rule, story in tomllib.loads((_FOLDER / f"{layer}.toml").read_text()).items()
}
"""By the rule that each is about."""
VARIANTS: Mapping[str, Mapping[str, Any]] = tomllib.loads((_FOLDER / "variants.toml").read_text())
"""By what they tell."""


@cache
def _rules() -> Ruleset:
    return Ruleset.load(())


@cache
def life(era: Era) -> tuple[Findings, MemoryStore]:
    """Weeks in which nothing happens: what was found in them, and what they taught."""
    told = tomllib.loads((_FOLDER / "life.toml").read_text())
    store = MemoryStore()
    teller = Teller(era)
    events = [event for step in steps_of(told["steps"]) for event in teller.tell(step)]
    return played(events, store), store


@cache
def found(name: str, era: Era) -> tuple[Alert, ...]:
    """The findings of a story that follows the weeks. Where it is `scored`, a model was trained on them."""
    story = STORIES.get(name) or VARIANTS[name]
    teller = Teller(era, story.get("allow"))
    later = ({**step, "at_s": step["at_s"] + _WEEKS_S} for step in steps_of(story["steps"]))
    events = [event for step in later for event in teller.tell(step)]
    store = copy.deepcopy(life(era)[1])
    if story.get("scored"):
        asyncio.run(Trainer(store).run_if_due())
    return tuple(played(events, store).in_order())


def turns() -> Turns:
    """The stage that judges, with every rule that ships and nothing known yet."""
    return Turns(JudgeTimes(), assembling.judge(Settings(), _rules()))


def played(events: Iterable[Event], store: MemoryStore) -> Findings:
    """What a worker makes of events that reach it in the order of their times."""
    settings = Settings()
    config = worker.configured(settings, Broker("none", "none", {}), "")
    stages = Stages(
        calls=worker.calls(settings, config),
        turns=turns,
        incidents=worker.incidents(settings),
        store=store,
        groups=IncidentMemory(settings.incidents.windows),
        times=config.clock,
    )
    ordered = sorted(events, key=lambda event: event.wall_ns)
    return asyncio.run(VirtualWorker(stages, _CODEC).run(map(_recorded, range(len(ordered)), ordered)))


def _recorded(offset: int, event: Event) -> Recorded:
    return Recorded(
        topic=topics.PROTOCOL if isinstance(event, ProtocolEvent) else topics.EXECUTION,
        partition=0,
        offset=offset,
        timestamp=event.wall_ns // 1_000_000,
        timestamp_type=0,
        key=event.workload.encode(),
        value=_CODEC.encode(event),
    )
