"""Plays the story on a running stack and gathers the evidence: who did what, what was found, what was written down."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...models.events import Alert
from .agent import Played, Player
from .canary import in_files
from .check import Attacked, Check, Evidence, verify
from .memory import Memory, remembered
from .screen import Bars, Screen
from .stack import Stack
from .story import Attack, Session, Story
from .truth import read_truth
from .watch import Watch
from .world import Canaries, World

__all__ = ["Act", "Outcome"]

_LEARN_S, _FINDING_S, _AFTER_S = 60.0, 30.0, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended. Times in seconds from the start of the run."""

    checks: Sequence[Check]
    findings: Sequence[Alert]
    ready_s: float
    first_alert_s: float
    total_s: float

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    def plain(self) -> dict[str, object]:
        """The outcome for JSON: checks in full, findings by what names them."""
        return {
            "ok": self.ok,
            "checks": [asdict(check) for check in self.checks],
            "findings": [
                {"uid": one.finding_uid, "title": one.title, "severity": one.severity, "risk": one.risk}
                for one in self.findings
            ],
            "seconds": {"ready": self.ready_s, "first_finding": self.first_alert_s, "total": self.total_s},
        }


@dataclass(frozen=True, slots=True)
class Act:
    """The part of a run that plays and waits."""

    world: World
    canaries: Canaries
    stack: Stack
    story: Story
    screen: Screen
    watch: Watch
    began: float

    async def play(self) -> Outcome:
        ready_s = time.monotonic() - self.began
        harmless = await self._learn()
        attacked: list[Attacked] = []
        first_alert_s = 0.0
        for attack in self.story.attacks:
            attacked.append(await self._attack(attack))
            first_alert_s = first_alert_s or time.monotonic() - self.began
        await self.watch.the_rest(_AFTER_S)
        evidence = self._evidence(harmless, attacked)
        return Outcome(
            checks=verify(evidence),
            findings=_newest(evidence.alerts),
            ready_s=ready_s,
            first_alert_s=first_alert_s,
            total_s=time.monotonic() - self.began,
        )

    async def _learn(self) -> list[Played]:
        """Play what is harmless, see it joined, and wait until it is learned and a model is trained on it."""
        benign = self.story.benign
        sessions = (*benign, *self.story.third_party)
        totals = {
            "turns played": sum(len(each.turns) for each in sessions),
            "calls joined": sum(each.calls for each in sessions),
            "sessions learned": len(benign),
            "model trained": 1,
        }
        async with remembered(self.stack.store.url, self.stack.tenant, benign[0].server) as memory:
            with self.screen.bars(totals) as bars:
                done = await self._play_and_watch(sessions, memory, bars, totals)
        names = len({session.principal for session in benign})
        self.screen.step(
            f"{len(benign)} harmless sessions of {names} principals learned, a model trained on them",
            f"{len(done)} turns, {self.watch.collected.tool_calls} calls",
        )
        return done

    async def _play_and_watch(
        self, sessions: Sequence[Session], memory: Memory, bars: Bars, totals: Mapping[str, int]
    ) -> list[Played]:
        collected, done = self.watch.collected, list[Played]()

        def counts() -> dict[str, int]:
            return {
                "turns played": len(done),
                "calls joined": collected.tool_calls,
                "sessions learned": memory.sessions,
                "model trained": int(memory.trained),
            }

        async def news() -> None:
            await memory.look()
            for name, count in counts().items():
                bars.at(name, count)

        self.watch.on_news = news
        async with asyncio.TaskGroup() as group:
            group.create_task(self._player(done.append).play(sessions))
            for name, total in totals.items():
                await self.watch.until(lambda: counts()[name] >= total, name, timeout_s=_LEARN_S)  # noqa: B023
        self.watch.on_news = None
        return done

    async def _attack(self, attack: Attack) -> Attacked:
        """Play an attack, and wait for a finding about its bad turn."""
        played = await self._player().play([attack.session])
        (trace,) = (one.trace for one in played if one.turn == attack.bad_turn)
        alerts = self.watch.collected.alerts
        waited = await self.watch.until(
            lambda: any(alert.correlation_id == trace for alert in alerts),
            f"a finding about the {attack.name}",
            timeout_s=_FINDING_S,
        )
        self.screen.step(attack.name, f"found {waited:.1f} s after it happened")
        return Attacked(attack, trace)

    def _player(self, on_turn: Callable[[Played], None] = lambda played: None) -> Player:
        environment = {"HOME": str(self.world.home), "GIT_CONFIG_NOSYSTEM": "1"}
        log = self.stack.layout.logs / "gateways.log"
        return Player(self._launch, environment, log, self.canaries.prompt, on_turn)

    def _launch(self, session: Session) -> list[str]:
        if session.server == "git":
            server = [str(Path(sys.executable).with_name("mcp-server-git")), "--repository", str(self.world.repository)]
        else:
            truth = self.world.root / f"truth-{session.principal}-{session.release}"
            world = self.world.root / "world.json"
            server = [sys.executable, "-m", f"{__package__}.server", "--world", str(world), "--truth", str(truth)]
            server += ["--release", session.release]
        return self.stack.layout.gateway(session.server, session.principal, server)

    def _evidence(self, harmless: Sequence[Played], attacked: Sequence[Attacked]) -> Evidence:
        collected = self.watch.collected
        written = in_files(self.canaries.all(), (self.stack.layout.logs, self.stack.layout.spool))
        return Evidence(
            benign=[one for one in harmless if one.session.server == "workbench"],
            third_party=[one for one in harmless if one.session.server != "workbench"],
            attacked=attacked,
            deeds=read_truth(self.world.root.glob("truth-*")),
            alerts=collected.alerts,
            calls=collected.calls,
            ocsf=collected.ocsf,
            leaks=[*collected.leaks, *written],
            dead_letters=collected.dead_letters,
        )


def _newest(alerts: Sequence[Alert]) -> list[Alert]:
    """The last revision of each finding, in the order in which they came."""
    return list({alert.finding_uid: alert for alert in sorted(alerts, key=lambda alert: alert.sequence)}.values())
