"""Hygiene at work on turns: what exceptions leave of the hits, and whether a finding is news, a repetition or too many.

Pure. What is held back leaves as well, to its own topic; what must be shared with other workers is handed out as notes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from ..models import finding
from ..models.detections.engine import Hit
from ..models.detections.engine.rule import SEVERITIES
from ..models.events import Alert, Binding, Call, Severity
from ..models.finding import Gist
from ..models.hygiene import Again, Exemptions, Hygiene, News, Note
from ..models.hygiene.keys import SCORE, dedup_keys, lasting
from ..models.hygiene.telling import again, flood
from ..models.turn import Turn
from .openturn import Judged, OpenTurn
from .stage import Input

__all__ = ["Screening"]

_ACROSS = "*windows*"  # in the place of a server: what a window found may be of several

Assemble = Callable[[OpenTurn, Judged], Alert]
Hold = Callable[[Alert, str], None]
_Gist = tuple[Severity, Severity, frozenset[str], tuple[str, ...], tuple[bool, bool, bool], Binding]


class Screening:
    """One for all turns of a process. `hold` takes what is held back, with the reason."""

    def __init__(self, hygiene: Hygiene, tenant: str, assemble: Assemble, hold: Hold) -> None:
        self._hygiene = hygiene
        self._tenant = tenant
        self._assemble = assemble
        self._hold = hold
        self._learned: Mapping[str, Mapping[str, bytes]] = {}

    def exempt(self, exemptions: Exemptions) -> None:
        self._hygiene.exempt(exemptions)

    def tally(self) -> dict[str, int]:
        """What happened since the last time (models.hygiene.Hygiene.tally)."""
        return self._hygiene.tally()

    def names(self, records: Sequence[Input]) -> tuple[str, ...]:
        """What of the store's ledger these records may need."""
        calls = [record for record in records if isinstance(record, Call)]
        servers = (_ACROSS, *(call.server.id for call in calls)) if calls else ()
        return self._hygiene.names(servers, (call.wall_ns for call in calls))

    def learn(self, ledger: Mapping[str, Mapping[str, bytes]], failed: int = 0) -> None:
        """Take over what other workers told; asked again with the same answer, it does nothing."""
        if ledger is not self._learned:
            news = {name: _news(fields, self._learned.get(name, {})) for name, fields in ledger.items()}
            self._learned = ledger
            self._hygiene.ledger.learn(news)
            self._hygiene.rules_failed(failed)

    def notes(self) -> tuple[Note, ...]:
        return self._hygiene.drain()

    def sift(self, open_turn: OpenTurn, turn: Turn, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Hits that no exception covers. Of the others each is told once a turn, to those who read what was held."""
        sifted, known = self._hygiene.sift(turn, hits, open_turn.views, open_turn.last_ns), open_turn.screened.held
        news = [one for one in sifted.held if (one.hit.rule.id, one.by.id) not in known]
        known.update((one.hit.rule.id, one.by.id) for one in news)
        lapsed = [one for one in sifted.lapsed if ("", one.id) not in known]
        known.update(("", one.id) for one in lapsed)
        self._hygiene.held_back(len(news), len(lapsed))
        for reason in dict.fromkeys(one.by.told for one in news):
            mine = tuple(one.hit for one in sifted.held if one.by.told == reason)
            self._hold(self._assemble(open_turn, Judged(turn, mine, (), None)), reason)
        return sifted.kept

    def first(self, open_turn: OpenTurn, judged: Judged, gist: Gist) -> Alert | None:
        """What is told of a turn that has no finding of its own yet; None for nothing."""
        news = self._news(open_turn, judged, gist)
        asked = (news.keys, news.severity, news.layers)
        screened = open_turn.screened
        if screened.asked == asked:
            return None
        screened.asked = asked
        screened.verdict = verdict = self._hygiene.place(news)
        if verdict is None:
            return self.own(open_turn, judged, gist)
        if isinstance(verdict, Again):
            return again(self._assemble(open_turn, judged), verdict) if verdict.tell else None
        alert = self._assemble(open_turn, judged)
        self._hold(alert, f"rate limit of {verdict.subject}")
        return flood(alert, verdict, self._tenant) if verdict.tell else None

    def own(self, open_turn: OpenTurn, judged: Judged, gist: Gist) -> Alert:
        """The next revision of the turn's own finding, numbered behind what anybody told of it: another worker may have
        completed the same window. What is read again after a crash is told again under the number it had."""
        news = self._news(open_turn, judged, gist)
        if open_turn.finding is not None or self._hygiene.began(news.uid, news.at_ns):
            open_turn.screened.number = self._hygiene.sequence(news.uid)
        alert = self._assemble(open_turn, judged)
        self._hygiene.told(news, alert.sequence)
        return alert

    def worth(self, told: Alert, gist: Gist, at_ns: int) -> bool:
        """Whether an update is due: at once where it got worse or another layer speaks, else only now and then; the
        last revision of a turn carries everything."""
        before = finding.gist(told)
        if before == gist:
            return False
        closed = told.activity == "close"
        return closed or _urgent(before, gist) or self._hygiene.may_update(told.wall_ns, at_ns)

    def _news(self, open_turn: OpenTurn, judged: Judged, gist: Gist) -> News:
        severity, _, _, _, layers, _ = cast(_Gist, gist)
        calls, hits = judged.turn.calls, judged.hits
        worst = max(hits, key=lambda hit: (SEVERITIES.index(hit.severity), hit.risk), default=None)
        primary = worst.matches[-1].subject.call if worst else calls[-1]
        return News(
            uid=finding.finding_uid(self._tenant, judged.turn.key),
            keys=dedup_keys(calls, hits),
            lasting=lasting(hits),
            server=_ACROSS if open_turn.windowed.key else primary.server.id,
            entity=primary.workload,
            rule=worst.rule.id if worst else SCORE,
            severity=_step(severity),
            layers=sum(watched << bit for bit, watched in enumerate(layers)),
            at_ns=open_turn.last_ns,
            before=open_turn.screened.verdict,
        )


def _news(fields: Mapping[str, bytes], known: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """What was not the same a moment ago: a server's day has thousands of fields, and hardly any changes."""
    if fields is known:
        return {}
    return {field: value for field, value in fields.items() if known.get(field) != value}


def _urgent(before: Gist, after: Gist) -> bool:
    """Severity or band rose, another rule hit, or another layer speaks."""
    severity, band, rules, _, layers, _ = cast(_Gist, before)
    now_severity, now_band, now_rules, _, now_layers, _ = cast(_Gist, after)
    worse = _step(now_severity) > _step(severity) or _step(now_band) > _step(band)
    return (
        worse or bool(now_rules - rules) or any(now and not then for then, now in zip(layers, now_layers, strict=True))
    )


def _step(severity: Severity) -> int:
    return SEVERITIES.index(severity)
