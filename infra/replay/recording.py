"""Reads recordings, and container files of events that anybody else made, in the order in which the records arrived.

All files are merged by the time of their records, so memory is bounded by one block of each file.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

from ...models import topics, wire
from ...models.errors import WireError
from ...models.text import clean
from .container import Container
from .errors import RecordingError
from .recorded import Recorded, read, value_schema

__all__ = ["Recording", "framed"]

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_TOPIC_OF = {
    "ProtocolEvent": topics.PROTOCOL,
    "ExecutionBatch": topics.EXECUTION,
    "AgentSpan": topics.AGENT,
    "Call": topics.CALLS,
    "Alert": topics.ALERTS,
    "DeadLetter": topics.DEADLETTER,
}
_ABOUT = ("topic", "schema")
_FOREIGN = 1 << 30  # ids that no registry gives, for schemas that came without one

Place = tuple[int, str, int, int]


def framed(schema_id: int) -> bytes:
    """The Confluent framing of an event of this schema."""
    return b"\0" + schema_id.to_bytes(4, "big")


class Recording:
    """A recording, or one file of it, or a container file of events. `codec` learns the schemas that the files hold.

    With `salvage` a file that is cut or damaged ends where it is, and `damaged` says so.
    """

    def __init__(self, path: Path, codec: wire.Codec | None = None, *, salvage: bool = False) -> None:
        """Raises RecordingError E01 for files that cannot be read, E03 where there are none."""
        self.codec = codec or wire.bundled()
        self.damaged: list[str] = []
        self._salvage = salvage
        found = sorted(path.rglob("*.avro")) if path.is_dir() else [path] if path.is_file() else []
        self._files = [file for number, one in enumerate(found) for file in self._opened(one, number)]
        if not self._files:
            what = "holds no recording" if path.exists() else "is not there"
            raise RecordingError(f"{path} {what}", "triptych record FOLDER makes one", code="E03")

    @property
    def topics(self) -> frozenset[str]:
        """What was recorded."""
        return frozenset(file.topic for file in self._files)

    def records(
        self, wanted: Collection[str], since_ms: int | None = None, until_ms: int | None = None
    ) -> Iterator[Recorded]:
        """The records of these topics as they arrived, with timestamps from `since_ms` to before `until_ms`.

        Raises RecordingError E01 at the place where a file is cut or damaged.
        """
        files = [file for file in self._files if file.topic in wanted]
        for _, record in heapq.merge(*(_in_place(self._whole(file)) for file in files), key=itemgetter(0)):
            after = since_ms is None or record.timestamp >= since_ms
            if after and (until_ms is None or record.timestamp < until_ms):
                yield record

    def _opened(self, path: Path, number: int) -> Iterator[_File | _Events]:
        with self._salvaging():
            yield _opened(path, number, self.codec)

    def _whole(self, file: _File | _Events) -> Iterator[Recorded]:
        """The records of a file, to where it is damaged if that is to be salvaged."""
        with self._salvaging():
            yield from file

    @contextmanager
    def _salvaging(self) -> Iterator[None]:
        try:
            yield
        except RecordingError as error:
            if not self._salvage:
                raise
            if error.what not in self.damaged:
                self.damaged.append(error.what)


class _File:
    """One file of a recording, opened anew for every reading. `frame` goes before its events; None: bytes."""

    def __init__(self, path: Path, topic: str, frame: bytes | None) -> None:
        self.path = path
        self.topic = topic
        self._frame = frame

    def __iter__(self) -> Iterator[Recorded]:
        with self.path.open("rb") as file:
            for block in Container(file, str(self.path)).blocks():
                try:
                    yield from read(block, self.topic, self._frame)
                except (IndexError, ValueError) as error:
                    raise _unreadable(self.path, error) from error


class _Events:
    """A container file of bare events. Each is dated by its own time, and stands where it stands in the file."""

    def __init__(self, path: Path, topic: str, codec: wire.Codec, number: int) -> None:
        self.path = path
        self.topic = topic
        self._codec = codec
        self._number = number

    def __iter__(self) -> Iterator[Recorded]:
        with self.path.open("rb") as file:
            for offset, event in enumerate(self._events(Container(file, str(self.path)))):
                yield Recorded(
                    topic=self.topic,
                    partition=0,
                    offset=offset,
                    timestamp=event.wall_ns // 1_000_000,
                    timestamp_type=0,
                    key=None,
                    value=self._codec.encode(event),
                )

    def _events(self, container: Container) -> Iterator[Any]:
        for block in container.blocks():
            at = 0
            for _ in range(block.count):
                try:
                    event, at = self._codec.read(self._number, block.data, at)
                except WireError as error:
                    raise _unreadable(self.path, error) from error
                yield event


def _opened(path: Path, number: int, codec: wire.Codec) -> _File | _Events:
    with path.open("rb") as file:
        container = Container(file, str(path))
    schema = container.schema
    value = value_schema(schema)
    if value is None:
        return _Events(
            path, _topic_of(path, schema), _learnt(path, _FOREIGN + number, schema, codec), _FOREIGN + number
        )
    topic, schema_id = (container.about.get(f"triptych.{name}", b"").decode("utf-8", "replace") for name in _ABOUT)
    if not _TOPIC.fullmatch(topic) or (value != "bytes" and not _NUMBER.fullmatch(schema_id)):
        raise RecordingError(f"{path} does not say what it holds", "take the files as triptych record made them")
    if value == "bytes":
        return _File(path, topic, None)
    if not codec.knows(int(schema_id)):
        _learnt(path, int(schema_id), value, codec)
    return _File(path, topic, framed(int(schema_id)))


def _topic_of(path: Path, schema: Any) -> str:
    name = str(schema.get("name", "")) if isinstance(schema, dict) else ""
    if (topic := _TOPIC_OF.get(name.rpartition(".")[2])) is None:
        held = clean(name, 60) or "values without a name"
        raise RecordingError(f"{path} holds {held}, no events of ours", f"one of {', '.join(_TOPIC_OF)}")
    return topic


def _learnt(path: Path, number: int, schema: Any, codec: wire.Codec) -> wire.Codec:
    try:
        codec.learn(number, schema)
    except WireError as error:
        raise RecordingError(
            f"{path} holds events of another schema: {error.what}", "a version that knows it"
        ) from error
    return codec


def _in_place(file: Iterable[Recorded]) -> Iterator[tuple[Place, Recorded]]:
    """Every record with its place in the order of arrival: none comes before those it stands behind in its file."""
    reached = 0
    for record in file:
        reached = max(reached, record.timestamp)
        yield (reached, record.topic, record.partition, record.offset), record


def _unreadable(path: Path, error: Exception) -> RecordingError:
    why = error.what if isinstance(error, WireError) else type(error).__name__
    return RecordingError(f"{path} holds something else than it says ({clean(why, 120)})", "record again")
