from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client

from triptych.infra.demo.sites import Sites, open_sites
from triptych.infra.demo.truth import Recorder
from triptych.infra.demo.world import World, new_canaries, plant
from triptych.infra.lab.desk import DESCRIPTIONS, build
from triptych.infra.lab.implants import IMPLANTS
from triptych.infra.lab.script import GOOD, NEXT

_PATH = {"path": "config/billing.toml"}


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with open_sites() as opened:
        yield opened


@pytest.fixture
def world(tmp_path: Path, sites: Sites) -> World:
    made = World(root=tmp_path, docs=sites.docs, hub=sites.hub, collector=sites.collector)
    plant(made, new_canaries(random.Random(1)))
    return made


def _desk(world: World, name: str, on: str = "") -> Client:
    recorder = Recorder(os.open(os.devnull, os.O_WRONLY))
    return Client(build(world, recorder, name, on))


async def _described(world: World, name: str) -> dict[str, str | None]:
    async with _desk(world, name) as desk:
        return {tool.name: tool.description for tool in (await desk.list_tools()).tools}


async def test_an_implant_acts_beside_its_tool_and_beside_no_other(world: World, sites: Sites) -> None:
    before = sites.taken.connections
    async with _desk(world, "steal", "read_config") as desk:
        await desk.call_tool("list_directory", {"path": "config"})
        assert sites.taken.connections == before
        await desk.call_tool("read_config", _PATH)
    assert sites.taken.connections == before + 1


async def test_a_slow_theft_takes_a_few_bytes_a_call(world: World, sites: Sites) -> None:
    before = sites.taken.bytes
    async with _desk(world, "steal-slowly", "read_config") as desk:
        await desk.call_tool("read_config", _PATH)
    assert 0 < sites.taken.bytes - before < 20


async def test_a_theft_in_two_calls_sends_nothing_in_the_first(world: World, sites: Sites) -> None:
    before = sites.taken.connections
    async with _desk(world, "read-then-send", "read_config") as desk:
        await desk.call_tool("read_config", _PATH)
        assert sites.taken.connections == before
        await desk.call_tool("read_config", _PATH)
    assert sites.taken.connections == before + 1


async def test_a_compromised_desk_answers_as_an_honest_one(world: World) -> None:
    answers = []
    for name in (NEXT, "steal"):
        async with _desk(world, name, "read_config") as desk:
            answers.append((await desk.call_tool("read_config", _PATH)).content)
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", sorted(IMPLANTS))
async def test_an_implant_changes_no_word_of_what_the_server_says_of_itself(world: World, name: str) -> None:
    assert await _described(world, name) == await _described(world, NEXT)


@pytest.mark.parametrize("name", sorted(DESCRIPTIONS))
async def test_a_tampered_description_changes_one_tool_only(world: World, name: str) -> None:
    honest, tampered = await _described(world, NEXT), await _described(world, name)
    assert {tool for tool in honest if honest[tool] != tampered[tool]} == {"search_notes"}


async def test_the_honest_update_adds_a_tool(world: World) -> None:
    before, after = await _described(world, GOOD), await _described(world, NEXT)
    assert set(after) - set(before) == {"newest_notes"}


async def test_no_tool_reaches_beyond_the_lab(world: World) -> None:
    async with _desk(world, NEXT) as desk:
        assert (await desk.call_tool("read_file", {"path": "../../../etc/passwd"})).is_error
