"""A small data set out of a large one: joined calls in place of events, some harmless sessions, each story once.

For tests and for a first look. What it says of any turn is what the large one says, but that the folders of the machine
that collected it carry neutral names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from ...models import topics
from ...models.events import AgentSpan, Call
from ...models.turn import Turn
from ...models.wire import Codec, bundled
from ..replay.folder import Folder
from ..replay.recorded import Recorded
from .turns import Labelled

__all__ = ["chosen", "write"]

_NEUTRAL = ((str(Path(__file__).resolve().parents[2]), "/opt/triptych"), (str(Path.home()), "/home/user"))


def chosen(turns: Iterable[Labelled], sessions: int) -> list[Labelled]:
    """The turns of the first `sessions` harmless sessions, and the first try of each story in each form."""
    told = list(turns)
    tainted = {one.truth.conversation for one in told if one.truth.story}
    honest = dict.fromkeys(one.truth.conversation for one in told if one.truth.conversation not in tainted)
    first = {(one.truth.story, one.truth.form): one.truth.trace for one in reversed(told) if one.truth.story}
    conversations, traces = set(list(honest)[:sessions]), set(first.values())
    return [one for one in told if one.truth.conversation in conversations or one.truth.trace in traces]


def write(turns: Iterable[Labelled], folder: Path) -> None:
    """As a new data set. Raises RecordingError E02 for a folder in use."""
    kept = list(turns)
    codec = bundled()
    with Folder(folder / "recording") as recording:
        for number, record in enumerate(sorted(_events(kept), key=lambda record: record.wall_ns)):
            recording.add(_recorded(number, record, codec))
    lines = (json.dumps(asdict(one.truth)) + "\n" for one in kept)
    (folder / "truth.jsonl").write_text("".join(lines))


def _events(turns: Iterable[Labelled]) -> Iterator[Call | AgentSpan]:
    for one in turns:
        for turn in (one.turn, *one.besides):
            yield from _of(turn)


def _of(turn: Turn) -> Iterator[Call | AgentSpan]:
    yield from (_neutral(call) for call in turn.calls)
    yield from turn.spans


def _neutral(value: Any) -> Any:
    """The same with neutral names of folders, however deep they stand."""
    if isinstance(value, str):
        for ours, neutral in _NEUTRAL:
            value = value.replace(ours, neutral)
    elif isinstance(value, tuple):
        value = tuple(map(_neutral, value))
    elif is_dataclass(value) and not isinstance(value, type):
        value = replace(value, **{field.name: _neutral(getattr(value, field.name)) for field in fields(value)})
    return value


def _recorded(number: int, record: Call | AgentSpan, codec: Codec) -> Recorded:
    return Recorded(
        topic=topics.CALLS if isinstance(record, Call) else topics.AGENT,
        partition=0,
        offset=number,
        timestamp=record.wall_ns // 1_000_000,
        timestamp_type=0,
        key=None,
        value=codec.encode(record),
    )
