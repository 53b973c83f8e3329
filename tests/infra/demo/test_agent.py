from __future__ import annotations

import sys
from pathlib import Path

from triptych.infra.demo.agent import Played, Player, interleaved
from triptych.infra.demo.story import Session, Step, Turn
from triptych.infra.demo.world import World


def session(name: str, turns: int) -> Session:
    return Session(principal="ada", conversation=name, turns=(Turn("goal", (Step("tool", {}),)),) * turns)


def test_conversations_interleave_and_each_keeps_its_own_order() -> None:
    played = [(one.conversation, turn) for one, turn in interleaved([session("a", 3), session("b", 2)])]
    assert played == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)]


def test_every_turn_of_every_session_is_played_once() -> None:
    sessions = [session(str(number), number % 3 + 1) for number in range(7)]
    played = [(one.conversation, turn) for one, turn in interleaved(sessions)]
    assert sorted(played) == [(one.conversation, turn) for one in sessions for turn in range(len(one.turns))]


async def test_a_real_client_and_server_play_a_session_and_the_server_writes_down_what_it_did(
    tmp_path: Path, world: World
) -> None:
    world.save(tmp_path / "world.json")
    files = ("--world", str(tmp_path / "world.json"), "--truth", str(tmp_path / "truth"))
    command = [sys.executable, "-m", "triptych.infra.demo.server", *files]
    turn = Turn("read", (Step("read_file", {"path": "reports/week-31.md"}),))
    heard: list[Played] = []
    environment = {"HOME": str(world.home)}
    player = Player(lambda _: command, environment, world.workspace, tmp_path / "log", on_turn=heard.append)
    played = await player.play([Session(principal="ada", conversation="c", turns=(turn,))])
    assert heard == played and len(played) == 1
    assert str(world.workspace / "reports" / "week-31.md") in (tmp_path / "truth").read_text()
