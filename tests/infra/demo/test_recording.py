from __future__ import annotations

from pathlib import Path

from triptych.infra.demo.recording import SHIPPED, read
from triptych.infra.demo.story import tell
from triptych.infra.demo.truth import read_truth
from triptych.infra.demo.world import Canaries, World
from triptych.models.digest import Keyring
from triptych.models.wire import bundled
from triptych.producers.sensor.replay import replay


def test_the_shipped_recording_is_the_story_that_its_seed_tells(tmp_path: Path, canaries: Canaries) -> None:
    about = read(SHIPPED, tmp_path).about
    story = tell(World.of(about.world), canaries, sessions=about.sessions, seed=about.seed)
    told = {(one.conversation, turn) for one in (*story.benign, *story.third_party) for turn in range(len(one.turns))}
    assert {(conversation, turn) for conversation, turn, _ in about.turns} == told
    assert [name for name, _, _ in about.attacks] == [attack.name for attack in story.attacks]


def test_every_record_of_the_shipped_recording_decodes_with_the_schemas_of_today(tmp_path: Path) -> None:
    recording = read(SHIPPED, tmp_path)
    codec = bundled()
    assert len([codec.decode(record.value) for record in recording.records]) > 2000


def test_the_shipped_ring_bytes_give_every_connection_that_the_truth_names(tmp_path: Path) -> None:
    recording = read(SHIPPED, tmp_path)
    batches = replay(recording.sensor, Keyring.of_file(recording.key))
    seen = {f"{event.address}:{event.port}" for batch in batches for event in batch.events if event.kind == "connect"}
    assert {deed.target for deed in read_truth([recording.truth]) if deed.kind == "connect"} <= seen


def test_the_shipped_recording_names_no_folder_but_the_planted_and_the_installed_one(tmp_path: Path) -> None:
    recording = read(SHIPPED, tmp_path)
    batches = replay(recording.sensor, Keyring.of_file(recording.key))
    paths = {event.path or "" for batch in batches for event in batch.events}
    tops = {path.split("/")[1] for path in paths if path.startswith("/")}
    assert tops <= {"dev", "etc", "lib", "opt", "proc", "sys", "tmp", "usr"}
