"""What becomes of a finding that might be told: news, the same again, or part of a flood. Pure; event time only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..baseline import BaselineView
from ..detections.engine import Hit
from ..turn import Turn
from .exemptions import Exemptions, Sifted
from .ledger import Admission, Claim, Ledger, Limits, Note, Told

__all__ = ["Again", "Flood", "Hygiene", "News", "Verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What decides over a finding. `uid`: that of the turn. `keys`: see keys.py. `severity`: its place among
    SEVERITIES. `layers`: one bit for each that watched. `at_ns`: the last event of the turn. `before`: what was decided
    of the same turn the last time. `lasting`: keys whose rule says for how long they stand, nanoseconds."""

    uid: str
    keys: tuple[str, ...]
    server: str
    entity: str
    rule: str
    severity: int
    layers: int
    at_ns: int
    before: Verdict = None
    lasting: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Again:
    """The turn shows what the finding `uid` told. `tell`: as an update, which is number `sequence` of it."""

    uid: str
    told: Told
    tell: bool


@dataclass(frozen=True, slots=True)
class Flood:
    """The turn is one too many of `subject` in its hour: number `count` that was held back. `tell`: as an update of the
    one finding about it."""

    subject: str
    count: int
    tell: bool


Verdict = Again | Flood | None
"""None: news, which is told."""


class Hygiene:
    """One for all turns that a process judges; the ledger is what it shares with others."""

    def __init__(self, limits: Limits | None = None, exemptions: Exemptions | None = None) -> None:
        self._limits = limits or Limits()
        self._exemptions = exemptions or Exemptions()
        self._counts: Counter[str] = Counter()
        self.ledger = Ledger(self._limits)

    def tally(self) -> dict[str, int]:
        """Since the last time: turns that repeated a finding, hits that an exception held back or no longer did, and
        findings that were too many."""
        counts, self._counts = +self._counts, Counter()
        return dict(counts)

    def exempt(self, exemptions: Exemptions) -> None:
        """Let these exceptions hold from now on."""
        self._exemptions = exemptions

    def names(self, servers: Iterable[str], at_ns: Iterable[int]) -> tuple[str, ...]:
        """The hashes of the store that these turns may need."""
        return self.ledger.names(servers, at_ns)

    def drain(self) -> tuple[Note, ...]:
        return self.ledger.drain()

    def sift(self, turn: Turn, hits: Sequence[Hit], views: Mapping[str, BaselineView], at_ns: int) -> Sifted:
        """Hits without those that an exception covers."""
        return self._exemptions.sift(turn, hits, views, at_ns)

    def held_back(self, count: int, lapsed: int) -> None:
        self._counts["suppressed"] += count
        self._counts["lapsed"] += lapsed

    def rules_failed(self, times: int) -> None:
        self._counts["rule_failed"] += times

    def place(self, news: News) -> Verdict:
        """What the finding of a turn is that was not told before. Asked once for each such turn and each new key."""
        claims = [claim for key in news.keys if (claim := self.ledger.claim(news.server, key, news.at_ns))]
        if len(claims) == len(news.keys) and not any(claim.uid == news.uid for claim in claims):
            return self._again(min(claims, key=lambda claim: (claim.since_ns, claim.uid)), news)
        if not self.ledger.knows(news.at_ns, news.uid) and (subject := self._flooded(news)):
            return self._flood(subject, news)
        self.ledger.admit(news.at_ns, news.uid, Admission(news.rule, news.entity, news.severity))
        return None

    def told(self, news: News, sequence: int) -> None:
        """A revision of the turn's own finding was told: its keys are its own now, where nobody else has them. What is
        told again after a crash takes nothing back of what others told since."""
        mine = Told(news.at_ns, news.at_ns, sequence, news.severity, news.layers, 1)
        before = self.ledger.told(news.uid)
        told = mine if before is None else before.and_then(mine)
        for key in news.keys:
            if self.ledger.claim(news.server, key, news.at_ns) is None:
                self.ledger.keep_claim(news.server, key, Claim(news.uid, told.since_ns, self._window_of(news, key)))
        self.ledger.keep_told(news.server, news.uid, told)

    def _window_of(self, news: News, key: str) -> int:
        return news.lasting.get(key, self._limits.window_ns)

    def sequence(self, uid: str) -> int:
        """The number of the last revision of a finding that anybody told, 0 where nobody did."""
        told = self.ledger.told(uid)
        return told.sequence if told else 0

    def began(self, uid: str, at_ns: int) -> bool:
        """Whether anybody told a finding of something earlier than that event time."""
        told = self.ledger.told(uid)
        return told is not None and told.since_ns < at_ns

    def may_update(self, told_ns: int, at_ns: int) -> bool:
        """Whether enough time has passed for an update that is not urgent."""
        return at_ns >= told_ns + self._limits.update_ns

    def _flood(self, subject: str, news: News) -> Flood:
        if isinstance(news.before, Flood) and news.before.subject == subject:
            return Flood(subject, news.before.count, tell=False)
        self._counts["limited"] += 1
        count = self.ledger.flood(news.at_ns, subject)
        return Flood(subject, count, tell=count & (count - 1) == 0)

    def _again(self, claim: Claim, news: News) -> Again:
        counted = isinstance(news.before, Again) and news.before.uid == claim.uid
        self._counts["repeated"] += not counted
        before = self.ledger.told(claim.uid) or Told(claim.since_ns, claim.since_ns, 1, news.severity, news.layers, 1)
        tell = (
            self.may_update(before.told_ns, news.at_ns)
            or news.severity > before.severity
            or bool(news.layers & ~before.layers)
        )
        after = before._replace(turns=before.turns + (not counted))
        if tell:
            after = after._replace(
                told_ns=max(before.told_ns, news.at_ns),
                sequence=before.sequence + 1,
                severity=max(before.severity, news.severity),
                layers=before.layers | news.layers,
            )
        self.ledger.keep_told(news.server, claim.uid, after)
        return Again(claim.uid, after, tell)

    def _flooded(self, news: News) -> str:
        """Of what there were enough in this hour, as bad as this or worse; empty for nothing."""
        admitted = list(self.ledger.admitted(news.at_ns, news.severity))
        if sum(one.rule == news.rule for one in admitted) >= self._limits.per_rule:
            return f"rule {news.rule}"
        if sum(one.entity == news.entity for one in admitted) >= self._limits.per_entity:
            return f"workload {news.entity}"
        return ""
