"""A recording that is being made: a folder for each topic, in it one container file for each partition and schema.

Refuses a folder that holds something already. Memory is bounded by one block of each file.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from ...models import wire
from ...models.errors import WireError
from .container import Writer
from .errors import RecordingError
from .recorded import FRAME, Recorded, datum, schema_around

__all__ = ["ABOUT", "Folder"]

ABOUT = "recording.json"


@dataclass
class Folder:
    """A recording that is being made. `counts` are records by topic, `raw` those of them that are no event."""

    path: Path
    counts: dict[str, int] = field(default_factory=dict)
    raw: dict[str, int] = field(default_factory=dict)
    _files: dict[tuple[str, int, int | None], Writer] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)
    _codec: wire.Codec = field(default_factory=wire.bundled)

    def __post_init__(self) -> None:
        """Raises RecordingError E02 where the folder holds something or cannot be made."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            used = any(self.path.iterdir())
        except OSError as error:
            raise RecordingError(f"{self.path} cannot be used: {error.strerror}", "name another", code="E02") from None
        if used:
            raise RecordingError(f"{self.path} is not empty", "name a new folder", code="E02")
        self._schemas = {release.id: release.schema for release in wire.releases()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for writer in self._files.values():
                writer.flush()
            self._write_about()
        finally:
            self._open.close()

    def add(self, record: Recorded) -> None:
        """Append one record to its file."""
        number = self._event(record.value)
        place = (record.topic, record.partition, number)
        writer = self._files.get(place)
        if writer is None:
            writer = self._files[place] = self._new(record.topic, record.partition, number)
        body = record.value if number is None else record.value[FRAME:]
        writer.append(datum(record, body, event=number is not None))
        self.counts[record.topic] = self.counts.get(record.topic, 0) + 1
        if number is None:
            self.raw[record.topic] = self.raw.get(record.topic, 0) + 1

    def flush(self) -> None:
        """What was added until now can be read from now on."""
        for writer in self._files.values():
            writer.flush()

    def _event(self, value: bytes) -> int | None:
        """The schema id of what is an event to its last byte; anything else would make its whole block unreadable."""
        try:
            self._codec.decode(value)
            return wire.schema_id(value)
        except WireError:
            return None

    def _new(self, topic: str, partition: int, number: int | None) -> Writer:
        folder = self.path / topic
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{partition}.{'bytes' if number is None else f'schema-{number}'}.avro"
        file = self._open.enter_context(path.open("xb"))
        path.chmod(0o600)
        about = {"triptych.topic": topic, "triptych.schema": "" if number is None else str(number)}
        return Writer(file, schema_around(None if number is None else self._schemas[number]), about)

    def _write_about(self) -> None:
        told = {topic: {"records": count, "raw": self.raw.get(topic, 0)} for topic, count in self.counts.items()}
        (self.path / ABOUT).write_text(json.dumps({"version": 1, "topics": told}, indent=1) + "\n")
