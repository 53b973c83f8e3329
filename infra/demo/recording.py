"""The file of a recorded story: raw input of the sensor, what the other two layers published, and the ground truth.

One zip archive, made by a real run: `triptych demo --record FILE`. It holds paths as the kernel gave them, of the
planted world and of the installation it was made with, and no content of any file.
"""

from __future__ import annotations

import json
import platform
import struct
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Message

from ...models import topics
from .check import Evidence
from .stack import Layout
from .tape import Tape

__all__ = ["PUBLISHED", "SHIPPED", "About", "Record", "Recording", "describe", "published", "read", "write"]

SHIPPED = Path(__file__).with_name("story.bin")
PUBLISHED = (topics.PROTOCOL, topics.AGENT)
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


def describe(evidence: Evidence, world: Path, sessions: int, seed: int) -> About:
    """What was just played in the world of this folder."""
    return About(
        kernel=platform.release().partition("-")[0],
        made=time.strftime("%Y-%m-%d"),
        sessions=sessions,
        seed=seed,
        world=json.loads((world / "world.json").read_text()),
        turns=[(one.session.conversation, one.turn, one.trace) for one in (*evidence.benign, *evidence.third_party)],
        attacks=[(one.attack.name, one.trace, one.began_ns) for one in evidence.attacked],
    )


def published(client: Mapping[str, str]) -> Iterator[Message]:
    """The records of PUBLISHED that a broker holds."""
    with closing(Tape(client, PUBLISHED)) as tape:
        yield from tape.rest()


def write(file: Path, about: About, world: Path, layout: Layout, records: Iterable[Message]) -> None:
    """Make the archive of a run that has ended."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("about.json", json.dumps(asdict(about), indent=1))
        archive.write(layout.sensed, "sensor.bin")
        archive.writestr("truth.jsonl", "".join(path.read_text() for path in world.glob("truth-*")))
        archive.write(layout.key, "digest.key")
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
