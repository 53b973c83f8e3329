"""What rules and score say of a turn, and the finding that comes of it. Pure; knows no pin and no deadline.

Rules wait for no model and for no end of a call; the score waits for whole calls. A finding is told when it is new or
says something new, and its story is put together only then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from ..models import finding, ocsf, topics
from ..models.custom import RuleSet
from ..models.detections.engine import Evaluation, Hit
from ..models.errors import ConfigError
from ..models.events import Alert
from ..models.hygiene import Again, Exemptions, Hygiene
from ..models.model import Model
from ..models.risk import Judgement, judge
from ..models.rolling import Latest
from ..models.turn import EARLY, Turn
from .drawing import Drawing
from .observing import in_the_light_of
from .openturn import Judged, OpenTurn
from .ruling import Rules, Ruling
from .screening import Screening
from .stage import Output

__all__ = ["Judge", "Judging", "outputs"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How findings are made and where they go. `alert_risk`: the score that is a finding by itself."""

    tenant: str = "default"
    labels: tuple[str, ...] = ()
    alert_risk: float = 75.0
    ocsf_version: str = ocsf.DEFAULT
    alerts: str = topics.ALERTS
    alerts_ocsf: str = topics.ALERTS_OCSF
    suppressed: str = topics.ALERTS_SUPPRESSED

    def __post_init__(self) -> None:
        if not 0 < self.alert_risk <= 100:
            raise ConfigError(f"alert_risk is {self.alert_risk}", "25 is one in ten normal turns, 75 one in a thousand")
        if self.ocsf_version not in ocsf.VERSIONS:
            raise ConfigError(f"OCSF {self.ocsf_version} cannot be written", f"one of {', '.join(ocsf.VERSIONS)}")


class Judge:
    """One for all turns of a process: everything that is remembered of a turn stands in the OpenTurn. `others`: rules
    beside the rulebook."""

    def __init__(
        self, judging: Judging, rules: Rules, *, others: Sequence[RuleSet] = (), hygiene: Hygiene | None = None
    ) -> None:
        self._judging = judging
        self._aside: list[Output] = []
        self._unable = ""  # the model that failed last
        self.drawing = Drawing()
        hygiene = hygiene or Hygiene()
        self.screening = Screening(hygiene, judging.tenant, self._assembled, self._hold)
        self.rules = Ruling(rules, others, hygiene.rules_failed)

    def use(self, rules: Rules, others: Sequence[RuleSet]) -> None:
        """Judge by these from now on. What was told stays told."""
        self.rules.use(rules, others)

    def exempt(self, exemptions: Exemptions) -> None:
        """Let these exceptions hold from now on."""
        self.screening.exempt(exemptions)

    @property
    def alert_risk(self) -> float:
        return self._judging.alert_risk

    def findings_of(self, open_turn: OpenTurn) -> tuple[str, ...]:
        """The findings that tell of a turn: its own, the one it repeats, those of windows that it completed."""
        own = [open_turn.finding.finding_uid] if open_turn.finding is not None else []
        verdict = open_turn.screened.verdict
        repeated = [verdict.uid] if isinstance(verdict, Again) else []
        windows = [finding.finding_uid(self._judging.tenant, key) for key in sorted(open_turn.windowed.raised_by)]
        return tuple(dict.fromkeys((*own, *repeated, *windows)))

    def look(
        self, open_turn: OpenTurn, model: Model | None, latest: Mapping[str, Latest] | None = None
    ) -> Alert | None:
        """The next revision of a turn's finding, when there is one to tell. `latest`: by server how rare the latest
        turns were."""
        judged = self._judged(open_turn, model, latest or {})
        if not judged.turn.calls or not (judged.hits or self._unusual(judged.score)):
            return None
        open_turn.judged = judged
        told, gist = open_turn.finding, finding.gist_of(judged.turn, judged.hits, judged.score)
        if told is None:
            alert = self.screening.first(open_turn, judged, gist)
            open_turn.finding = alert if open_turn.screened.verdict is None else None
            return alert
        if not self.screening.worth(told, gist, open_turn.last_ns):
            return None
        open_turn.finding = self.screening.own(open_turn, judged, gist)
        return open_turn.finding

    def close(self, open_turn: OpenTurn) -> Alert | None:
        """The last revision, with all that came since the one before; late facts may still update it."""
        told, judged = open_turn.finding, open_turn.judged
        if told is None or judged is None or told.activity == "close":
            return None
        gist = finding.gist_of(judged.turn, judged.hits, judged.score)
        last = self.screening.own(open_turn, judged, gist)
        open_turn.finding = finding.close(replace(last, sequence=last.sequence - 1))
        return open_turn.finding

    def outputs(self, alert: Alert) -> tuple[Output, ...]:
        return outputs(self._judging, alert)

    def aside(self) -> tuple[Output, ...]:
        """What was held back since the last time, for those who read that."""
        held = tuple(self._aside)
        self._aside.clear()
        return held

    def _hold(self, alert: Alert, reason: str) -> None:
        judging = self._judging
        body = ocsf.render(alert, tenant=judging.tenant, version=judging.ocsf_version, suppressed=reason)
        headers = ocsf.headers(alert, tenant=judging.tenant, version=judging.ocsf_version)
        self._aside.append(Output(judging.suppressed, alert.finding_uid, body, headers))

    def _judged(self, open_turn: OpenTurn, model: Model | None, latest: Mapping[str, Latest]) -> Judged:
        turn = open_turn.turn()
        windowed = open_turn.windowed
        if windowed.key:
            hits = self.screening.sift(open_turn, turn, windowed.together(turn))
            return Judged(turn, hits, (), None)
        evaluation = self.rules.evaluate(turn, open_turn.views, open_turn.growing)
        whole = not any(EARLY in call.coverage.notes for call in turn.calls)
        score = self._score(open_turn, turn, model, latest) if model and whole else None
        scored = self.rules.scored(turn, score) if score else Evaluation()
        found = (*evaluation.hits, *scored.hits, *self._custom(open_turn, turn))
        hits = self.screening.sift(open_turn, turn, (*found, *windowed.signals.values()) if found else ())
        not_judged = (*evaluation.not_judged, *scored.not_judged, *windowed.not_judged.values())
        return Judged(turn, hits, not_judged, score)

    def _score(self, open_turn: OpenTurn, turn: Turn, model: Model, latest: Mapping[str, Latest]) -> Judgement | None:
        """What the model says. One that fails leaves the turn to the rules; it is logged once."""
        try:
            score = judge(model, turn, open_turn.views, open_turn.measures)
            return in_the_light_of(score, turn, latest) if score else None
        except Exception:
            open_turn.failed = True
            if self._unable != model.manifest.model_id:
                self._unable = model.manifest.model_id
                log.exception("the model failed", model=self._unable)
            return None

    def _custom(self, open_turn: OpenTurn, turn: Turn) -> Iterator[Hit]:
        """What the rules beside the rulebook say."""
        for call in turn.calls:
            yield from open_turn.custom.get(call.call_id, ())

    def _unusual(self, score: Judgement | None) -> bool:
        return score is not None and score.alerts(self._judging.alert_risk)

    def _assembled(self, open_turn: OpenTurn, judged: Judged) -> Alert:
        return finding.assemble(
            judged.turn,
            judged.hits,
            judged.score,
            open_turn.views,
            tenant=self._judging.tenant,
            labels=self._judging.labels,
            told=open_turn.told,
            not_judged=judged.not_judged,
        )


def outputs(judging: Judging, alert: Alert) -> tuple[Output, ...]:
    """A finding as streams and as SIEMs read it."""
    body = ocsf.render(alert, tenant=judging.tenant, version=judging.ocsf_version)
    headers = ocsf.headers(alert, tenant=judging.tenant, version=judging.ocsf_version)
    return (
        Output(judging.alerts, alert.workload, alert),
        Output(judging.alerts_ocsf, alert.finding_uid, body, headers),
    )
