from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from triptych.infra.replay.errors import RecordingError
from triptych.infra.replay.recorded import Recorded
from triptych.infra.replay.recording import Recording
from triptych.infra.replay.replaying import History, Judges, findings_in, replay
from triptych.infra.replay.virtual import Findings
from triptych.infra.settings import Settings
from triptych.models import finding, topics
from triptych.models.detections.engine.rulebook import BUILT_IN
from triptych.models.errors import ConfigError
from triptych.models.events import Call, Effect, Server
from triptych.models.model import dump
from triptych.models.testing_traffic import sessions
from triptych.models.training import train

THEFT = finding.finding_uid("default", "turn-theft")


def silent(done: int) -> None:
    return None


@pytest.fixture
def replayed(history: Any, settings: Settings, tmp_path: Path) -> Any:
    """What a replay of records finds."""

    def run(records: list[Recorded], *, joined: bool = False, **judges: Any) -> Findings:
        folder = history.write(tmp_path / str(len(list(tmp_path.iterdir()))), records)
        return replay(settings, History(recording=Recording(folder), joined=joined), Judges(**judges), silent)

    return run


def test_a_replay_finds_the_theft_and_nothing_beside_it(history: Any, replayed: Any) -> None:
    found = replayed(history.usual())
    assert list(found.alerts) == [THEFT]
    alert = found.alerts[THEFT]
    assert (alert.activity, alert.agent, alert.coverage.agent) == ("close", "helper", True)
    assert (found.records, found.calls >= 21, found.dead) == (len(history.usual()), True, {})


def test_a_replay_ends_in_incidents(history: Any, replayed: Any) -> None:
    happened = [*history.stole("theft", 30_000), *history.stole("again", 90_000)]
    found = replayed(history.on_topics(happened))
    (incident,) = found.incidents
    assert {one["uid"] for one in incident["finding_info_list"]} == set(found.alerts)


def test_the_same_history_gives_the_same_findings_to_the_last_field(history: Any, replayed: Any) -> None:
    assert replayed(history.usual()).alerts == replayed(history.usual()).alerts


@hypothesis_settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 16))
def test_arrival_in_another_order_within_the_bounds_changes_no_finding(history: Any, replayed: Any, seed: int) -> None:
    draw = random.Random(seed)
    late = [replace(one, timestamp=one.timestamp + draw.randrange(400)) for one in history.usual()]
    moved = [replace(one, offset=n) for n, one in enumerate(sorted(late, key=lambda one: one.timestamp))]
    calm, shaken = replayed(history.usual()).alerts, replayed(moved).alerts
    assert {uid: (one.severity, one.call_ids) for uid, one in calm.items()} == {
        uid: (one.severity, one.call_ids) for uid, one in shaken.items()
    }


def test_records_twice_in_a_history_change_no_finding(history: Any, replayed: Any) -> None:
    twice = [one for record in history.usual() for one in (record, record)]
    assert replayed([replace(one, offset=n) for n, one in enumerate(twice)]).alerts.keys() == {THEFT}


def test_unreadable_records_are_counted_by_code_and_hold_nothing_up(history: Any, replayed: Any) -> None:
    records = history.usual()
    junk = [replace(records[0], offset=1_000 + n, value=value) for n, value in enumerate((b"junk", b"\0\0\0\0\1"))]
    found = replayed(records + junk)
    assert (found.dead, list(found.alerts)) == ({"W01": 1, "W02": 1}, [THEFT])


def test_a_history_of_calls_needs_no_events(history: Any, settings: Settings, tmp_path: Path) -> None:
    at = 1_700_000_000 * 10**9
    effects = (
        Effect(kind="open", mono_ns=1, path="/home/ann/.aws/credentials", sensitivity="credential.cloud", result=3),
        Effect(kind="connect", mono_ns=2, address="203.0.113.9", port=443, destination="outside"),
    )
    call = Call(
        event_id="e", call_id="theft", correlation_id="turn-theft", workload="w", server=Server(id="files"),
        tool="read_config", method="tools/call", started_ns=at, ended_ns=at, wall_ns=at, effects=effects,
    )  # fmt: skip
    folder = history.write(tmp_path / "calls", history.on_topics([(topics.CALLS, call)]))
    found = replay(settings, History(recording=Recording(folder), joined=True), Judges(), silent)
    assert (found.records, found.calls) == (1, 0)
    with pytest.raises(RecordingError, match="nothing to replay"):
        replay(settings, History(recording=Recording(folder), joined=False), Judges(), silent)


def test_a_rule_in_a_folder_judges_beside_the_built_in_ones(history: Any, replayed: Any, tmp_path: Path) -> None:
    folder = tmp_path / "rules" / "chain"
    folder.mkdir(parents=True)
    known = (BUILT_IN / "chain" / "credential-read-then-egress.toml").read_text()
    (folder / "ours.toml").write_text(known.replace("chain.credential-read-then-egress", "chain.ours"))
    alert = replayed(history.usual(), rules=(folder.parent,)).alerts[THEFT]
    assert {"chain.ours", "chain.credential-read-then-egress"} <= {hit.id for hit in alert.rules}


def test_a_model_file_judges_in_place_of_one_that_is_trained(history: Any, replayed: Any, tmp_path: Path) -> None:
    model = train(sessions(48), seed=1)
    file = tmp_path / "model.npz"
    body, manifest = dump(model)
    file.write_bytes(body)
    with pytest.raises(ConfigError, match="no manifest"):
        replayed(history.usual(), model=str(file))
    file.with_suffix(".json").write_bytes(manifest)
    alert = replayed(history.usual(), model=str(file)).alerts[THEFT]
    assert alert.score is not None
    assert alert.score.model_id == model.manifest.model_id


def test_an_unknown_model_is_told_with_what_to_name(history: Any, replayed: Any) -> None:
    with pytest.raises(ConfigError, match="no model file m-1"):
        replayed(history.usual(), model="m-1")


def test_recorded_findings_are_read_in_their_last_revision(history: Any, replayed: Any, tmp_path: Path) -> None:
    last = replayed(history.usual()).alerts[THEFT]
    first = replace(last, sequence=1, activity="create", title="first")
    folder = history.write(tmp_path / "alerts", history.on_topics([(topics.ALERTS, last), (topics.ALERTS, first)]))
    assert findings_in(Recording(folder)) == {THEFT: last}


def test_a_recording_without_findings_says_what_to_record(history: Any, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no findings"):
        findings_in(Recording(history.write(tmp_path / "r", history.usual())))
