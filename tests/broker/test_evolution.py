"""Producers of the next, this and the last schema version beside each other, and workers of either."""

from __future__ import annotations

import copy
import io
import itertools
import json
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import fastavro
import pytest
from patience import PATIENCE_S

from triptych.infra.chaos.broker import Broker
from triptych.infra.chaos.story import BEHIND, Told, slice_of
from triptych.infra.chaos.truth import Truth
from triptych.infra.chaos.undisturbed import undisturbed
from triptych.infra.chaos.worker import configured, settings_of
from triptych.infra.replay.recorded import Recorded
from triptych.models.wire import SCHEMAS, bundled, releases, schema_fingerprint

pytestmark = pytest.mark.broker

MAIN = Path(__file__).with_name("evolution_main.py")
EVENTS = ("triptych.ProtocolEvent", "triptych.ExecutionBatch")
NEXT = {"triptych.ProtocolEvent": 9003, "triptych.ExecutionBatch": 9103}
CODEC = bundled()
SLICES = 2
NUMBERS = itertools.count()
Written = Callable[[Told], bytes]


def version_of(name: str, version: int) -> tuple[int, Any]:
    """The id and the schema of a released version."""
    entry = json.loads((SCHEMAS / "manifest.json").read_text())[name][version - 1]
    return entry["id"], json.loads((SCHEMAS / f"history/{name}@{version}.avsc").read_text())


def next_version(name: str) -> tuple[int, Any]:
    """This version and a field more, as somebody may add it tomorrow."""
    current = next(release.schema for release in releases() if release.name == name and release.current)
    schema = copy.deepcopy(current)
    schema["fields"].insert(3, {"name": "of_tomorrow", "type": ["null", "string"], "default": None})
    return NEXT[name], schema


def written_as(versions: dict[str, tuple[int, Any]]) -> Written:
    """Bytes as a producer of these versions writes them; events that have one version only are written in it."""
    parsed = {name: (number, fastavro.parse_schema(schema)) for name, (number, schema) in versions.items()}

    def write(told: Told) -> bytes:
        name = f"triptych.{type(told.event).__name__}"
        if name not in parsed:
            return CODEC.encode(told.event)
        number, schema = parsed[name]
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schema, {**asdict(told.event), "of_tomorrow": "new"})
        return struct.pack(">bI", 0, number) + body.getvalue()

    return write


PRODUCERS: list[Written] = [
    written_as({name: version_of(name, 1) for name in EVENTS}),
    lambda told: CODEC.encode(told.event),
    written_as({name: next_version(name) for name in EVENTS}),
]


@pytest.fixture
def schemas_of_tomorrow(tmp_path: Path) -> Path:
    """The folder of a version in which the next schemas are released."""
    folder = tmp_path / "avro"
    shutil.copytree(SCHEMAS, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in EVENTS:
        number, schema = next_version(name)
        version = manifest[name][-1]["version"] + 1
        fingerprint = schema_fingerprint(schema)
        manifest[name].append({"version": version, "id": number, "fingerprint": fingerprint})
        for file in (f"{name}.avsc", f"history/{name}@{version}.avsc"):
            (folder / file).write_text(json.dumps(schema))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


class Stand:
    """One worker, what is sent to it by whom, and what came of it."""

    def __init__(self, kafka: str, redis_url: str, registry: Any) -> None:
        self.group = f"evolution-{next(NUMBERS)}-{time.time_ns()}"
        self.broker = Broker(kafka, self.group)
        self.given = {"bootstrap": kafka, "redis_url": redis_url, "group": self.group, "registry": registry.url}
        self.plain: list[Recorded] = []

    def tell(self, producers: list[Written]) -> None:
        """Every workload's events are written by the producers in turn."""
        turns = itertools.cycle(producers)
        for number in range(SLICES + BEHIND):
            for told in slice_of(number, SLICES, time.time_ns()):
                self.broker.send(told.topic, told.key, next(turns)(told))
                sent = self.broker.sent[-1]
                self.plain.append(replace(sent, value=CODEC.encode(told.event)))
            time.sleep(0.5)
        self.broker.deliver()

    def expected(self) -> Truth:
        settings = settings_of(self.given["bootstrap"], self.given["redis_url"], self.group, turn_gap_s=8.0)
        return undisturbed(self.plain, settings, configured(settings))

    def found(self, schemas: Path, *, patience_s: float = 80.0) -> Truth:
        """What a worker with these schemas tells, once it has committed everything."""
        command = [sys.executable, str(MAIN), json.dumps({**self.given, "schemas": str(schemas)})]
        process = subprocess.Popen(command)
        try:
            deadline = time.monotonic() + patience_s
            while self.broker.behind() and time.monotonic() < deadline:
                assert process.poll() is None
                time.sleep(0.5)
            return self.broker.truth({})
        finally:
            process.kill()
            process.wait(PATIENCE_S)


@pytest.fixture
def stand(kafka: str, redis_url: str, registry: Any) -> Iterator[Stand]:
    made = Stand(kafka, redis_url, registry)
    yield made
    made.broker.close()


def test_a_worker_of_this_version_reads_the_next_and_the_last_beside_its_own(stand: Stand, registry: Any) -> None:
    for name in EVENTS:
        registry.add(*next_version(name))
    stand.tell(PRODUCERS)
    assert_equal(stand.found(SCHEMAS), stand.expected())


def test_a_worker_of_the_next_version_reads_those_of_today_and_yesterday(
    stand: Stand, schemas_of_tomorrow: Path
) -> None:
    stand.tell(PRODUCERS)
    assert_equal(stand.found(schemas_of_tomorrow), stand.expected())


def test_a_version_that_nobody_knows_is_buried_with_its_code_and_the_rest_goes_on(stand: Stand) -> None:
    stand.tell([PRODUCERS[1]])
    (told, *_) = slice_of(0, 1, time.time_ns())
    stand.broker.send(told.topic, told.key, PRODUCERS[2](told))
    stand.broker.deliver()
    found = stand.found(SCHEMAS)
    assert (found.buried, found.calls) == ({"W02": 1}, stand.expected().calls)


def assert_equal(found: Truth, expected: Truth) -> None:
    assert found.buried == {}
    assert found.calls == expected.calls
    assert found.findings == expected.findings
    assert found.findings
