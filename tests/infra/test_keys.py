"""The digest key: only its owner reads it, nobody overwrites it, and its id tells keys apart."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from triptych.infra import keys
from triptych.infra.errors import KeyFileError
from triptych.models.errors import ConfigError


def test_a_new_key_is_readable_by_its_owner_only_and_loads_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "digest.key"
    made = keys.new(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.load(path).digest("x") == made.digest("x")


def test_an_existing_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "digest.key"
    before = keys.new(path).key_id
    with pytest.raises(KeyFileError, match="F03"):
        keys.new(path)
    assert keys.load(path).key_id == keys.ensure(path).key_id == before


def test_two_keys_have_two_ids_and_an_id_can_be_given(tmp_path: Path) -> None:
    one, other = keys.new(tmp_path / "a"), keys.new(tmp_path / "b")
    assert one.key_id != other.key_id
    assert keys.load(tmp_path / "a", "2026-11").key_id == "2026-11"


def test_ensure_makes_a_key_where_there_is_none(tmp_path: Path) -> None:
    assert keys.ensure(tmp_path / "k", "run").key_id == "run"
    assert (tmp_path / "k").exists()


def test_a_missing_key_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="F01") as caught:
        keys.load(tmp_path / "none")
    assert caught.value.hint == f"triptych keys new {tmp_path / 'none'}"


def test_a_key_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="F02") as caught:
        keys.load(tmp_path)
    assert "Is a directory" in caught.value.what


def test_a_file_that_is_too_short_for_a_key_is_refused_without_being_shown(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("hunter2")
    with pytest.raises(ConfigError, match="7 bytes") as caught:
        keys.load(tmp_path / "k")
    assert "hunter2" not in str(caught.value)
