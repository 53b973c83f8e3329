"""Two real stories: real servers behind the gateway, under the sensor, with their own record of what they did."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from triptych.infra.conformance import peers
from triptych.infra.errors import ProgramError
from triptych.infra.lab.collect import Amount, collect
from triptych.infra.lab.stories import load
from triptych.infra.lab.turns import Labelled, labelled

_NAMES = ("poisoned dependency", "injected page")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str, str], NoReturn]) -> Path:
    try:
        peers.node("mcp-server-filesystem")
        peers.python("mcp-server-git")
    except ProgramError as error:
        require("peers", str(error))
    folder = tmp_path_factory.mktemp("lab") / "set"
    told = load()
    scenario = replace(told, stories=tuple(story for story in told.stories if story.name in _NAMES))
    collect(folder, Amount(sessions=1, rounds=1, principals=1), scenario, lambda _: None)
    return folder


def _easy(turns: list[Labelled], story: str) -> Labelled:
    return next(one for one in turns if (one.truth.story, one.truth.form) == (story, "easy"))


@pytest.mark.kernel
@pytest.mark.timeout(600)
def test_two_stories_are_seen_by_all_layers_and_labelled_by_who_played_them(folder: Path) -> None:
    turns = labelled(folder)
    theft, injection = (_easy(turns, name) for name in _NAMES)
    for one in (theft, injection):
        assert one.turn.spans
        assert all(call.coverage.protocol and call.coverage.execution for call in one.turn.calls if call.tool)
    secrets = {effect.sensitivity for call in theft.turn.calls for effect in call.effects}
    assert "secret.cloud" in secrets
    assert [call.tool for call in injection.turn.calls if call.tool][-3:] == ["fetch_page", "read_file", "post_report"]


@pytest.mark.kernel
def test_the_server_wrote_the_theft_down_by_itself(folder: Path) -> None:
    deeds = [json.loads(line) for line in (folder / "deeds.jsonl").read_text().splitlines()]
    theft = _easy(labelled(folder), "poisoned dependency")
    own = {deed["target"].rpartition("/")[2] for deed in deeds if (deed["call"] or {}).get("trace") == theft.turn.key}
    assert "credentials" in own


@pytest.mark.kernel
def test_no_canary_is_in_the_data_set(folder: Path) -> None:
    for file in folder.rglob("*"):
        assert not file.is_file() or b"AKIACANARY" not in file.read_bytes()
