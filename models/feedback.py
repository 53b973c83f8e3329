"""What an analyst made of a finding: the verdict as it travels, and what becomes of the finding.

A verdict is somebody's word: it moves what is learned of one finding's turns, and never a model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from .errors import WireError
from .events import Alert
from .finding import event_id
from .text import clean

__all__ = ["PRINCIPALS", "FeedbackError", "Verdict", "enough", "parse", "settled", "to_json"]

PRINCIPALS = 3
"""So many distinct principals make a turn normal that nothing but the score found unusual."""
_LABEL = "verdict:"
_LONGEST = 64
_WORDS = {"true": True, "false": False}


class FeedbackError(WireError):
    """Bytes that are no verdict: W05."""

    code = "W05"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a finding `is_true`, by whom, why, and when that was said (Unix epoch, nanoseconds)."""

    finding_uid: str
    is_true: bool
    reason: str
    by: str
    wall_ns: int

    @property
    def word(self) -> str:
        return "true" if self.is_true else "false"


def parse(data: bytes) -> Verdict:
    """The verdict in one line of JSON: `finding_uid`, `verdict` (true or false), `reason`, `by`, `time_ms`.

    Raises FeedbackError; it quotes nothing of what it read.
    """
    try:
        told: Any = orjson.loads(data)
        uid, word, when = told["finding_uid"], told["verdict"], told["time_ms"]
        reason, by = clean(str(told.get("reason", "")), 1_000), clean(str(told.get("by", "")), 128)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _refused("it is no JSON object with finding_uid, verdict and time_ms") from error
    if not isinstance(uid, str) or not 0 < len(uid) <= _LONGEST or clean(uid) != uid:
        raise _refused("finding_uid is no id of a finding")
    if not isinstance(word, str) or word not in _WORDS:
        raise _refused("verdict is neither true nor false")
    if not isinstance(when, int) or not 0 < when < 1 << 43:
        raise _refused("time_ms is no time")
    return Verdict(finding_uid=uid, is_true=_WORDS[word], reason=reason, by=by, wall_ns=when * 1_000_000)


def to_json(verdict: Verdict) -> bytes:
    """What parse() reads."""
    return orjson.dumps(
        {
            "finding_uid": verdict.finding_uid,
            "verdict": verdict.word,
            "reason": verdict.reason,
            "by": verdict.by,
            "time_ms": verdict.wall_ns // 1_000_000,
        }
    )


def settled(alert: Alert, verdict: Verdict) -> tuple[Alert, Alert]:
    """The finding updated with the verdict, and closed. `alert`: its last revision; the same verdict on the same
    revision gives the same two."""
    labels = (*(label for label in alert.labels if not label.startswith(_LABEL)), _LABEL + verdict.word)
    update = replace(_next(alert, verdict), activity="update", labels=labels)
    return update, replace(_next(update, verdict), activity="close")


def enough(principals: Iterable[str]) -> bool:
    """Whether so many people did the same that it is normal. Who is unknown does not count."""
    return len({principal for principal in principals if principal}) >= PRINCIPALS


def _next(alert: Alert, verdict: Verdict) -> Alert:
    """Its id is not that of a revision by the stage `turns`, which may go on telling of the finding meanwhile."""
    sequence = alert.sequence + 1
    told = f"{alert.finding_uid}/{verdict.word}/{verdict.wall_ns}"
    return replace(alert, sequence=sequence, event_id=event_id(told, sequence))


def _refused(why: str) -> FeedbackError:
    return FeedbackError(f"no verdict: {why}", 'triptych alerts verdict ID false --reason "why" writes one')
