"""A replay from settings: which rules and which model judge, over which records, and what they find."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from ...models import topics
from ...models.errors import ConfigError, WireError
from ...models.events import Alert
from ...models.model import Model, load
from ...streams.garbage import collecting_young
from ...streams.incidentmemory import IncidentMemory
from ...streams.known import Known, Learn, Remember, Wanted
from ...streams.memory import MemoryStore
from ...streams.store import RedisStore
from ...streams.trainer import Trainer
from .. import worker
from ..brokers import Broker
from ..detections import assembling
from ..detections.ruleset import Ruleset
from ..settings import Settings
from .errors import RecordingError
from .recording import Recording
from .virtual import Findings, Stages, VirtualWorker

__all__ = ["History", "Judges", "Memory", "findings_in", "over", "replay"]

_NO_BROKER = Broker("none", "none", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """Who judges. `rules`: folders beside the built-in rules. `model`: a file, or the id of one in the store, or empty
    to train as a worker does. `store`: the address of the workers' store, which is asked and never written; with `live`
    it is asked for baselines too."""

    rules: Sequence[Path] = ()
    model: str = ""
    store: str = ""
    live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is judged. `joined`: begin at recorded calls, not at events."""

    recording: Recording
    joined: bool
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Where a replay learns, and what is done beside it every few seconds of its time."""

    store: MemoryStore | _Live
    chore: Callable[[], Awaitable[object]] | None = None


def replay(settings: Settings, history: History, judges: Judges, tell: Callable[[int], None]) -> Findings:
    """Run the stages over a history. Raises RecordingError E03 where it holds nothing that they take: that nothing was
    found in nothing is no answer."""
    with collecting_young():
        found = asyncio.run(_replay(settings, history, judges, tell))
    if not found.records:
        raise RecordingError("nothing to replay: no record lies in that span", "--since and --until", code="E03")
    return found


def findings_in(recording: Recording, since_ms: int | None = None, until_ms: int | None = None) -> dict[str, Alert]:
    """The last revision of every finding that was recorded. Raises RecordingError E03 where none could be."""
    if topics.ALERTS not in recording.topics:
        raise RecordingError("no findings were recorded there", f"triptych record --topic {topics.ALERTS}", code="E03")
    found: dict[str, Alert] = {}
    for record in recording.records((topics.ALERTS,), since_ms, until_ms):
        try:
            alert = recording.codec.decode(record.value, Alert)
        except WireError:
            continue  # the worker that wrote it buried nothing here: bytes of somebody else
        known = found.get(alert.finding_uid)
        if known is None or alert.sequence >= known.sequence:
            found[alert.finding_uid] = alert
    return found


async def _replay(settings: Settings, history: History, judges: Judges, tell: Callable[[int], None]) -> Findings:
    async with AsyncExitStack() as stack:
        store, chore = await _store(settings, judges, stack)
        return await over(settings, history, judges.rules, Memory(store, chore), tell)


async def over(
    settings: Settings, history: History, rules: Sequence[Path], memory: Memory, tell: Callable[[int], None]
) -> Findings:
    """Run the stages over a history with these rules, learning into `memory`. Raises RecordingError E03."""
    config = worker.configured(settings, _NO_BROKER, "")
    async with AsyncExitStack() as stack:
        asking = assembling.asking(settings, Ruleset.load(rules), memory.store)
        stack.push_async_callback(asking.close)
        stages = Stages(
            calls=None if history.joined else worker.calls(settings, config),
            turns=worker.turns(settings, config, rules),
            incidents=worker.incidents(settings),
            store=asking,
            groups=IncidentMemory(settings.incidents.windows),
            chore=memory.chore,
            times=config.clock,
            max_bytes=config.max_record_bytes,
        )
        _check(history.recording.topics, stages.topics, joined=history.joined)
        records = history.recording.records(stages.topics, history.since_ms, history.until_ms)
        return await VirtualWorker(stages, history.recording.codec, tell).run(records)


async def _store(
    settings: Settings, judges: Judges, stack: AsyncExitStack
) -> tuple[MemoryStore | _Live, Callable[[], Awaitable[object]] | None]:
    """Baselines of its own that it learns, or the live ones as they are. Only the first are trained on."""
    theirs = RedisStore(judges.store, tenant=settings.findings.tenant) if judges.store else None
    if theirs is not None:
        stack.push_async_callback(theirs.close)
    model = await _model(judges.model, theirs) if judges.model else None
    if theirs is not None and judges.live:
        return _Live(theirs, model), None
    memory = MemoryStore(model=model)
    return memory, None if model else Trainer(memory).run_if_due


async def _model(name: str, store: RedisStore | None) -> Model:
    """A model by its file, or by its id in the workers' store."""
    if (model := _in_file(Path(name))) is not None:
        return model
    if store is None:
        raise ConfigError(f"there is no model file {name}", "name a .npz file, or set redis.url for an id in the store")
    return await store.model(name)


def _in_file(file: Path) -> Model | None:
    """The model in a file that has its manifest as .json beside it."""
    if not file.is_file():
        return None
    if file.suffix != ".npz":
        raise ConfigError(f"{file} is no model file", "name the .npz file")
    manifest = file.with_suffix(".json")
    if not manifest.is_file():
        raise ConfigError(f"{file} has no manifest beside it", f"it belongs at {manifest}")
    return load(file.read_bytes(), manifest.read_bytes())


def _check(held: Collection[str], wanted: Collection[str], *, joined: bool) -> None:
    needed = {topics.CALLS} if joined else {topics.PROTOCOL, topics.EXECUTION}
    if not needed & set(held):
        raise RecordingError(
            f"nothing to replay: {' and '.join(sorted(needed))} not among {', '.join(sorted(held)) or 'no records'}",
            "--calls begins at calls, --events at what the producers sent",
            code="E03",
        )


class _Live:
    """The store of the workers, read and never written."""

    def __init__(self, store: RedisStore, model: Model | None) -> None:
        self._store = store
        self._model = model

    async def lookup(self, wanted: Wanted) -> Known:
        known = await self._store.lookup(wanted)
        return Known(known.views, self._model or known.model)

    async def apply(self, writes: Sequence[Learn | Remember]) -> None:
        """Nothing: a replay teaches no worker."""
