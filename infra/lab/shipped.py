"""The product as it ships over a data set: all stages from the first minute, learning and training as a worker does.

Answers what nobody can tune afterwards: what is found at the risk that a fresh installation has, what of it is false,
and how soon after the attacker's first act it was told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...models import topics
from ...models.events import Alert
from ..demo.world import OUTSIDE
from ..replay.recording import Recording
from ..replay.replaying import History, Judges, replay
from ..replay.virtual import Findings
from ..settings import Networks, Settings
from .score import Split
from .turns import Labelled

__all__ = ["Caught", "Quiet", "Shipped", "Told", "judged_as_shipped", "told"]

_LOUD = frozenset({"high", "critical"})


@dataclass(frozen=True, slots=True)
class Told:
    """One finding: the calls that it rests on, when it was told first, and whether it is of severity high or above."""

    calls: frozenset[str]
    at_ns: int
    loud: bool


@dataclass(frozen=True, slots=True)
class Caught:
    """One attack. Of a found one, how many calls began from the attacker's first act to the finding, and the seconds
    between; none where nothing was told."""

    story: str
    form: str
    loud: bool = False
    calls: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Honest work: how many calls, and the findings about them."""

    calls: int
    findings: int
    loud: int

    def in_thousand(self, count: int) -> float:
        return 1000 * count / max(self.calls, 1)


@dataclass(frozen=True, slots=True)
class Shipped:
    """`early`: the honest half in which everything was new; `late`: the other, with the attacks beside it."""

    early: Quiet
    late: Quiet
    attacks: Sequence[Caught]

    def share(self, *, loud: bool) -> float:
        """Of the attacks that were found."""
        return float(np.mean([one.loud if loud else one.calls is not None for one in self.attacks]))

    def quantiles(self, what: str, at: Sequence[float] = (0.5, 0.9)) -> list[float]:
        """Of `calls` or `seconds` over the attacks that were found."""
        values = [getattr(one, what) for one in self.attacks if one.calls is not None]
        return [float(np.quantile(values, share)) for share in at] if values else []


def judged_as_shipped(folder: Path, parts: Split, tell: Callable[[str], None]) -> Shipped:
    """Replay the data set in `folder`, which `parts` were split from. Raises TriptychError of the replay."""
    recording = Recording(folder / "recording")
    tell("as it ships: all stages from the first minute")
    settings = Settings(networks=Networks(outside=OUTSIDE))
    history = History(recording=recording, joined=topics.CALLS in recording.topics)
    return told(parts, _findings(replay(settings, history, Judges(), lambda _: None)))


def told(parts: Split, findings: Collection[Told]) -> Shipped:
    """What these findings mean for the turns."""
    return Shipped(
        _quiet(parts.normal, findings),
        _quiet(parts.harmless, findings),
        [_caught(one, findings) for one in parts.attacks],
    )


def _findings(found: Findings) -> list[Told]:
    return [_told(alert, found.first_ns[uid]) for uid, alert in found.alerts.items()]


def _told(alert: Alert, at_ns: int) -> Told:
    return Told(frozenset(alert.call_ids), at_ns, alert.severity in _LOUD)


def _quiet(turns: Iterable[Labelled], findings: Iterable[Told]) -> Quiet:
    own = [_calls(one) for one in turns]
    every = frozenset[str]().union(*own)
    false = [one for one in findings if one.calls & every]
    return Quiet(sum(map(len, own)), len(false), sum(one.loud for one in false))


def _caught(one: Labelled, findings: Iterable[Told]) -> Caught:
    """A finding counts that rests on a call of the turn, or on what its servers did beside, and that nobody was told
    before the attacker acted."""
    own, calls = _calls(one), one.turn.calls
    begun = calls[min(one.truth.first, len(calls) - 1)].started_ns
    about = [finding for finding in findings if finding.calls & own and finding.at_ns >= begun]
    if not about:
        return Caught(one.truth.story, one.truth.form)
    at_ns = min(finding.at_ns for finding in about)
    taken = sum(begun <= call.started_ns <= at_ns for call in calls)
    loud = any(finding.loud for finding in about)
    return Caught(one.truth.story, one.truth.form, loud, taken, (at_ns - begun) / 1e9)


def _calls(one: Labelled) -> frozenset[str]:
    return frozenset(call.call_id for turn in (one.turn, *one.besides) for call in turn.calls)
