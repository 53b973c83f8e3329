"""The prebuilt objects are of these sources, and one of others is never used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from triptych.producers.sensor import objects
from triptych.producers.sensor.probe import MACHINES
from triptych.producers.sensor.program import FEATURES, members_of


@pytest.mark.parametrize("machine", MACHINES)
def test_the_committed_object_is_of_these_sources(machine: str) -> None:
    path = objects.object_path(machine)
    made_of = json.loads(objects.MANIFEST.read_text())[path.name]
    assert made_of == objects.digests(path, machine), "the program changed: make bpf"


@pytest.mark.parametrize("changed", ["object", "source"])
def test_an_object_of_other_sources_is_not_found(changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "BPF_SOURCES", tmp_path)
    monkeypatch.setattr(objects, "MANIFEST", tmp_path / "objects.json")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    path, source = objects.object_path("x86_64"), tmp_path / "part.c"
    path.write_bytes(b"code")
    source.write_text("int x;")
    assert objects.find_object() is None
    objects.MANIFEST.write_text(json.dumps({path.name: objects.digests(path, "x86_64")}))
    assert objects.find_object() == path
    {"object": path, "source": source}[changed].write_text("other")
    assert objects.find_object() is None


@pytest.mark.parametrize("machine", MACHINES)
def test_the_preamble_gives_every_offset_and_question_of_every_feature(machine: str) -> None:
    words = {line.split()[1] for line in objects.preamble(machine).splitlines()}
    wanted = {f"O_{name}" for feature in FEATURES for name in members_of(feature, machine)}
    wanted |= {f"HAS_{feature.has}" for feature in FEATURES if feature.has}
    wanted |= {feature.flag for feature in FEATURES if feature.flag}
    assert words == wanted
