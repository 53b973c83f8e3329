"""Plays the story on a running stack and gathers the evidence: who did what, what was found, what was written down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

from ...models.events import Alert
from .agent import Played
from .check import Attacked, Check, Evidence, verify
from .memory import Memory, remembered
from .screen import Bars, Screen
from .stack import Stack
from .story import Attack, Story
from .truth import Deed
from .watch import Watch

__all__ = ["Act", "Outcome", "Performance"]

_SPANS_S = 4.0  # an agent sends its spans in batches, after the turn
_LEARN_S, _FINDING_S, _AFTER_S = 60.0, 30.0, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended. Times in seconds from the start of the run."""

    evidence: Evidence
    checks: Sequence[Check]
    findings: Sequence[Alert]
    ready_s: float
    first_alert_s: float
    total_s: float

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    def plain(self) -> dict[str, object]:
        """The outcome for JSON: checks in full, findings by what names them, and as a SIEM reads them."""
        return {
            "ok": self.ok,
            "checks": [asdict(check) for check in self.checks],
            "findings": [
                {"uid": one.finding_uid, "title": one.title, "severity": one.severity, "risk": one.risk}
                for one in self.findings
            ],
            "ocsf": list(self.evidence.ocsf),
            "seconds": {"ready": self.ready_s, "first_finding": self.first_alert_s, "total": self.total_s},
        }


class Performance(Protocol):
    """Who plays the story: agents that live, or a recording of them."""

    @property
    def story(self) -> Story: ...

    async def harmless(self, on_turn: Callable[[Played], None]) -> None:
        """Play the harmless sessions; `on_turn` hears of each turn."""

    async def attack(self, attack: Attack) -> str:
        """Play an attack; the trace id of its bad turn."""

    def deeds(self) -> list[Deed]:
        """The ground truth of all that was played."""

    def leaks(self) -> list[str] | None:
        """Canaries found in files that the product wrote; None where none was planted."""


@dataclass(frozen=True, slots=True)
class Act:
    """The part of a run that plays and waits."""

    performance: Performance
    stack: Stack
    screen: Screen
    watch: Watch
    shown: set[str] = field(default_factory=set)  # findings that are on the screen already

    async def play(self, began: float) -> Outcome:
        """Everything, in order. `began`: when the run did, on the monotonic clock."""
        ready_s = time.monotonic() - began
        harmless = await self._learn()
        attacked: list[Attacked] = []
        first_alert_s = 0.0
        for attack in self.performance.story.attacks:
            attacked.append(await self._attack(attack))
            first_alert_s = first_alert_s or time.monotonic() - began
        await self.watch.the_rest(_AFTER_S)
        evidence = self._evidence(harmless, attacked)
        return Outcome(
            evidence=evidence,
            checks=verify(evidence),
            findings=_newest(evidence.alerts),
            ready_s=ready_s,
            first_alert_s=first_alert_s,
            total_s=time.monotonic() - began,
        )

    async def _learn(self) -> list[Played]:
        """Play what is harmless, see it joined, and wait until it is learned and a model is trained on it."""
        story = self.performance.story
        benign, sessions = story.benign, (*story.benign, *story.third_party)
        totals = {
            "turns played": sum(len(each.turns) for each in sessions),
            "calls joined": sum(each.calls for each in sessions),
            "sessions learned": len(benign),
            "model trained": 1,
        }
        async with remembered(self.stack.store.url, self.stack.tenant, benign[0].server) as memory:
            with self.screen.bars(totals) as bars:
                done = await self._play_and_watch(memory, bars, totals)
        names = len({session.principal for session in benign})
        self.screen.step(
            f"{len(benign)} harmless sessions of {names} principals learned, model trained",
            f"{len(done)} turns, {self.watch.collected.tool_calls} calls",
        )
        return done

    async def _play_and_watch(self, memory: Memory, bars: Bars, totals: Mapping[str, int]) -> list[Played]:
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
            group.create_task(self.performance.harmless(done.append))
            for name, total in totals.items():
                await self.watch.until(lambda: counts()[name] >= total, name, timeout_s=_LEARN_S)  # noqa: B023
        self.watch.on_news = None
        return done

    async def _attack(self, attack: Attack) -> Attacked:
        """Play an attack, and wait for a finding about its bad turn."""
        began_ns = time.time_ns()
        trace = await self.performance.attack(attack)
        alerts = self.watch.collected.alerts
        waited = await self.watch.until(
            lambda: any(alert.correlation_id == trace for alert in alerts),
            f"a finding about the {attack.name}",
            timeout_s=_FINDING_S,
        )
        self.screen.step(attack.name, f"found {waited:.1f} s after it happened")
        await self.watch.patiently(
            lambda: any(alert.correlation_id == trace and _whole(alert) for alert in alerts), _SPANS_S
        )
        found = _newest([alert for alert in alerts if alert.correlation_id == trace])
        self.screen.findings(found)
        self.shown.update(alert.finding_uid for alert in found)
        return Attacked(attack, trace, began_ns)

    def _evidence(self, harmless: Sequence[Played], attacked: Sequence[Attacked]) -> Evidence:
        collected, written = self.watch.collected, self.performance.leaks()
        return Evidence(
            benign=[one for one in harmless if one.session.server == "workbench"],
            third_party=[one for one in harmless if one.session.server != "workbench"],
            attacked=attacked,
            deeds=self.performance.deeds(),
            alerts=collected.alerts,
            calls=collected.calls,
            ocsf=collected.ocsf,
            leaks=None if written is None else [*collected.leaks, *written],
            dead_letters=collected.dead_letters,
        )


def _whole(alert: Alert) -> bool:
    """Whether all layers have told, and no call of the finding still runs."""
    return alert.coverage.agent and "early" not in alert.coverage.notes


def _newest(alerts: Sequence[Alert]) -> list[Alert]:
    """The last revision of each finding, in the order in which they came."""
    return list({alert.finding_uid: alert for alert in sorted(alerts, key=lambda alert: alert.sequence)}.values())
