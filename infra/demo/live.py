"""Plays the story live: real clients, real gateways, real servers, in the world that was planted for this run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .agent import Played, Player
from .canary import in_files
from .stack import Layout
from .story import Attack, Session, Story
from .truth import Deed, read_truth
from .world import Canaries, World

__all__ = ["Live"]


@dataclass(frozen=True, slots=True)
class Live:
    """A performance, see act.Performance. Raises ExceptionGroup when a connection breaks."""

    world: World
    canaries: Canaries
    layout: Layout
    story: Story

    async def harmless(self, on_turn: Callable[[Played], None]) -> None:
        await self._player(on_turn).play((*self.story.benign, *self.story.third_party))

    async def attack(self, attack: Attack) -> str:
        played = await self._player().play([attack.session])
        return next(one.trace for one in played if one.turn == attack.bad_turn)

    def deeds(self) -> list[Deed]:
        return read_truth(self.world.root.glob("truth-*"))

    def leaks(self) -> list[str]:
        return list(in_files(self.canaries.all(), (self.layout.logs, self.layout.spool)))

    def _player(self, on_turn: Callable[[Played], None] = lambda played: None) -> Player:
        environment = {"HOME": str(self.world.home), "GIT_CONFIG_NOSYSTEM": "1"}
        log = self.layout.logs / "gateways.log"
        return Player(self._launch, environment, self.world.workspace, log, self.canaries.prompt, on_turn)

    def _launch(self, session: Session) -> list[str]:
        if session.server == "git":
            server = [str(Path(sys.executable).with_name("mcp-server-git")), "--repository", str(self.world.repository)]
        else:
            truth = self.world.root / f"truth-{session.principal}-{session.release}"
            world = self.world.root / "world.json"
            server = [sys.executable, "-m", f"{__package__}.server", "--world", str(world), "--truth", str(truth)]
            server += ["--release", session.release]
        return self.layout.gateway(session.server, session.principal, server)
