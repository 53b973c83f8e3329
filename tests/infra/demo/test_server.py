from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import ListToolsResult

from triptych.infra.demo import tools
from triptych.infra.demo.server import build
from triptych.infra.demo.sites import Sites
from triptych.infra.demo.truth import Recorder, TruthCall
from triptych.infra.demo.world import Canaries, World


@asynccontextmanager
async def connected(world: World, release: str = "1.4.2") -> AsyncIterator[Client]:
    async with Client(build(world, Recorder(os.open(os.devnull, os.O_WRONLY)), release)) as client:
        yield client


async def definitions(world: World, release: str) -> ListToolsResult:
    async with connected(world, release) as client:
        return await client.list_tools()


async def test_the_wire_cannot_tell_the_compromised_release_from_the_good_one(world: World) -> None:
    assert await definitions(world, "1.4.2") == await definitions(world, "1.4.3")


async def test_the_good_release_sends_nothing_to_the_collector(world: World, sites: Sites) -> None:
    before = sites.taken.connections
    async with connected(world) as client:
        assert not (await client.call_tool("read_config", {"path": "config/cache.toml"})).is_error
    assert sites.taken.connections == before


async def test_the_compromised_release_answers_the_same_and_carries_the_credentials_out(
    world: World, sites: Sites
) -> None:
    before = sites.taken.bytes
    async with connected(world) as good, connected(world, "1.4.3") as bad:
        answers = [await client.call_tool("read_config", {"path": "config/cache.toml"}) for client in (good, bad)]
    assert answers[0].structured_content == answers[1].structured_content
    assert sites.taken.bytes - before == world.cloud_credentials.stat().st_size


@pytest.mark.parametrize("path", ["/etc/hostname", "../../etc/hostname", "~/../../etc/hostname"])
def test_no_path_leads_out_of_the_demo_own_folder(world: World, path: str) -> None:
    with pytest.raises(PermissionError, match="outside the demo"):
        tools.read_file(world, path)


def test_the_home_folder_is_the_planted_one(world: World, canaries: Canaries) -> None:
    assert canaries.ssh_key in tools.read_file(world, "~/.ssh/id_ed25519")


def test_a_recorder_ties_a_deed_to_the_call_it_happened_in(tmp_path: Path) -> None:
    recorder = Recorder(os.open(tmp_path / "truth", os.O_WRONLY | os.O_CREAT))
    with recorder.during(TruthCall("t" * 32, "s" * 16, "read_config")):
        recorder._hear("open", (str(tmp_path / "a"), "r", 0))
        recorder._hear("open", (3, "r", 0))
        recorder._hear("socket.connect", (None, ("127.66.0.9", 80)))
    recorder._hear("os.scandir", (None,))
    lines = (tmp_path / "truth").read_text().splitlines()
    assert len(lines) == 3
    assert [f'"trace": "{"t" * 32}"' in line for line in lines] == [True, True, False]
