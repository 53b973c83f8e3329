"""Pin files: written whole, read strictly, and read again when they were replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from triptych.producers.gateway.facts.budget import Budget
from triptych.producers.gateway.facts.definitions import tool_definitions
from triptych.producers.gateway.policy.pins import PinError, PinFile, Pins, pin

TOOL: dict[str, Any] = {"name": "read", "description": "CANARY text", "inputSchema": {"type": "object"}}
PINS = Pins.of("files", "1.2", [TOOL])


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    PINS.save(file)
    assert Pins.load(file) == PINS
    assert list(tmp_path.iterdir()) == [file]


def test_a_pin_file_shows_no_text_of_a_definition(tmp_path: Path) -> None:
    PINS.save(tmp_path / "pins.json")
    assert "CANARY" not in (tmp_path / "pins.json").read_text()


def test_a_pin_is_the_digest_of_the_event() -> None:
    (definition,) = tool_definitions([TOOL], Budget(), str)
    assert (pin(TOOL).digest, pin(TOOL).input_digest) == (definition["digest"], definition["input_digest"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 2, "server": "", "version": "", "tools": {}}',
        '{"format": 1, "server": "", "version": "", "tools": {"a": {}}}',
        '{"format": 1, "server": "", "version": "", "tools": {"a": {"digest": 1}}}',
        '{"format": 1, "server": "", "version": "", "tools": []}',
    ],
)
def test_anything_else_is_no_pin_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pins.json"
    file.write_text(text)
    with pytest.raises(PinError, match="G20"):
        Pins.load(file)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(PinError, match="triptych gateway pin"):
        Pins.load(tmp_path / "none")


@pytest.mark.parametrize("tools", [[TOOL, {**TOOL, "description": "other"}], [{"description": "nameless"}]])
def test_a_list_with_two_meanings_cannot_be_pinned(tools: list[dict[str, Any]]) -> None:
    with pytest.raises(PinError):
        Pins.of("files", "1", tools)


def test_a_replaced_file_is_read_again_and_a_broken_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    PINS.save(file)
    watched = PinFile(file)
    assert watched.renewed() is None
    more = Pins.of("files", "1.3", [TOOL, {**TOOL, "name": "write"}])
    more.save(file)
    assert watched.renewed() == more
    file.write_text(json.dumps({"format": 9}))
    assert (watched.renewed(), watched.pins) == (None, more)
