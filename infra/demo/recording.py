"""The file of a recorded story: raw input of the sensor, what the other two layers published, and the ground truth.

One zip archive, made by a real run: `triptych demo --record FILE`. It holds paths as the kernel gave
them, of the planted world only, and no content of any file.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Message

__all__ = ["PUBLISHED", "SHIPPED", "About", "Record", "Recording", "read", "write"]

SHIPPED = Path(__file__).with_name("story.bin")
PUBLISHED = ("mcp.protocol", "mcp.agent")
"""Topics whose records are kept as they were; those of mcp.execution are made again from the sensor's input."""

_HEAD = struct.Struct("<BII")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a recording is of. `turns`: conversation, number, trace. `attacks`: name, trace, wall clock at its start."""

    kernel: str
    made: str
    sessions: int
    seed: int
    world: dict[str, str]
    turns: Sequence[tuple[str, int, str]]
    attacks: Sequence[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic."""

    topic: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording, read: `sensor` is a file for producers.sensor.recording, `truth` one for truth.read_truth."""

    about: About
    sensor: Path
    truth: Path
    key: bytes
    records: Sequence[Record]


def write(
    file: Path, about: About, *, sensor: Path, truth: Iterable[Path], key: Path, records: Iterable[Message]
) -> None:
    """Make the archive."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("about.json", json.dumps(asdict(about), indent=1))
        archive.write(sensor, "sensor.bin")
        archive.writestr("truth.jsonl", "".join(path.read_text() for path in truth))
        archive.write(key, "digest.key")
        archive.writestr("records.bin", b"".join(map(_packed, records)))


def read(file: Path, folder: Path) -> Recording:
    """The recording in an archive; its files go to `folder`."""
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    about: dict[str, Any] = json.loads((folder / "about.json").read_text())
    return Recording(
        about=About(**about),
        sensor=folder / "sensor.bin",
        truth=folder / "truth.jsonl",
        key=(folder / "digest.key").read_bytes(),
        records=list(_unpacked((folder / "records.bin").read_bytes())),
    )


def _packed(message: Message) -> bytes:
    key, value = message.key() or b"", message.value() or b""
    return _HEAD.pack(PUBLISHED.index(str(message.topic())), len(key), len(value)) + key + value


def _unpacked(data: bytes) -> Iterator[Record]:
    at = 0
    while at < len(data):
        topic, key, value = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        yield Record(PUBLISHED[topic], data[at : at + key], data[at + key : at + key + value])
        at += key + value
