"""Recordings on disk: frames in, frames out, and what is broken says so."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triptych.models.digest import Keyring
from triptych.models.errors import ConfigError
from triptych.producers.sensor.decode import HEAD
from triptych.producers.sensor.recording import MAGIC, Recorder, RecordingError, frames
from triptych.producers.sensor.replay import replay

KEYRING = Keyring(b"sixteen bytes or more", "k")
ORIGIN = {"instance": "s", "boot_id": "b", "host": "h", "cluster": ""}
WORKLOAD = {"id": "w", "pod_uid": None, "container_id": None}


def _story(path: Path) -> None:
    """One call of one server that opens /f."""
    recorder = Recorder(path)
    recorder.write(b"M", origin=ORIGIN)
    recorder.write(b"A", root=9, server="s", workload=WORKLOAD, features=["open"], mono_ns=10, offset_ns=0)
    recorder.write(b"B", root=9, call_id="c", correlation_id="t", mono_ns=20)
    payload = b"f\0"
    head = (HEAD.size + len(payload), 4, 2, 30, 9, 9, 1, 0, 9, 0, 0, 2, 0, 0, 3, 0, 0, 1, 0, 0, 1, 0, 0, b"x")
    recorder.raw(b"R", HEAD.pack(*head) + payload)
    recorder.write(b"E", root=9, call_id="c", mono_ns=40)
    recorder.write(b"T", mono_ns=50, offset_ns=0)
    recorder.write(b"C", root=9, reason="server-gone", mono_ns=60, offset_ns=0)
    recorder.close()


def test_a_story_is_told_again(tmp_path: Path) -> None:
    _story(tmp_path / "r")
    start, events, stop = replay(tmp_path / "r", KEYRING, shift_ns=1000, remap={"c": "new"})
    assert [start.status, events.status, stop.status] == ["start", "events", "stop"]
    assert [call.call_id for call in events.calls] == ["new"]
    assert [(event.path, event.binding) for event in events.events] == [("/f", "exact")]
    assert (events.mono_ns, events.wall_ns) == (50, 1050)


def test_only_changed_totals_are_written(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r")
    for totals in (b"one", b"one", b"two"):
        recorder.sums(b"F", [(b"key", totals)])
    recorder.close()
    assert list(frames(tmp_path / "r")) == [(b"F", b"keyone"), (b"F", b"keytwo")]


def test_only_its_owner_may_read_a_recording(tmp_path: Path) -> None:
    Recorder(tmp_path / "r").close()
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o600


def test_a_recording_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Recorder(tmp_path / "absent" / "r")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 300))
def test_a_recording_cut_anywhere_says_so_or_ends_early(tmp_path: Path, cut: int) -> None:
    _story(tmp_path / "r")
    data = (tmp_path / "r").read_bytes()
    (tmp_path / "cut").write_bytes(data[: -min(cut, len(data) - 1)])
    try:
        told = list(replay(tmp_path / "cut", KEYRING))
    except RecordingError as error:
        assert error.code == "S11"
    else:
        assert len(told) < 3


def test_another_file_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"PK" + bytes(100))
    with pytest.raises(RecordingError, match="no recording"):
        list(replay(tmp_path / "r", KEYRING))


def test_a_recording_says_who_made_it_first(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(MAGIC + b"D" + (2).to_bytes(4, "little") + b"{}")
    with pytest.raises(RecordingError, match="who recorded it"):
        list(replay(tmp_path / "r", KEYRING))
