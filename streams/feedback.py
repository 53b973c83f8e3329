"""The stage `feedback`: what analysts say of findings, carried to what is learned and told. A pure class.

A verdict never trains a model: it lets a quarantined turn teach what it would have taught, or keeps it out for good.
The finding is updated with the verdict and closed, and every verdict is an audit event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from ..models import changes, topics
from ..models.changes import Change
from ..models.events import Alert
from ..models.feedback import Verdict, parse, settled
from ..models.wire import Codec, releases
from .judgement import Judging, outputs
from .pins import Pin
from .stage import Input, Output, Step

__all__ = ["Feedback", "VerdictCodec"]

E = TypeVar("E")


class VerdictCodec(Codec):
    """Reads what the topic of verdicts carries, one line of JSON each; writes events as every codec does."""

    def __init__(self) -> None:
        super().__init__()
        for release in releases():
            self.add(release.id, release.schema, current=release.current)

    def decode(self, data: bytes, expected: type[E] | None = None) -> E:
        """Raises FeedbackError W05, WireError."""
        return cast(E, parse(data)) if expected is Verdict else super().decode(data, expected)


class Feedback:
    """The state of one partition of verdicts: none but counts, the store holds the rest."""

    def __init__(self, judging: Judging, audit: str = topics.AUDIT) -> None:
        self._judging = judging
        self._audit = audit
        self._totals = dict.fromkeys(("true", "false", "unknown"), 0)

    def counts(self) -> dict[str, int]:
        """Verdicts by their word, and those on findings that nobody has heard of yet; they wait."""
        return dict(self._totals)

    def levels(self) -> dict[str, int]:
        return {}

    def wanted(self, records: Sequence[Input]) -> tuple[str, ...]:
        """The findings to answer with, as they were told last."""
        return tuple(dict.fromkeys(record.finding_uid for record in records if isinstance(record, Verdict)))

    def next_deadline(self) -> int | None:
        return None

    def crowding(self) -> bool:
        return False

    def advance(self, watermark_ns: int) -> Step:
        return Step()

    def add(self, record: Input, pin: Pin, known: Mapping[str, Alert] | None) -> Step:
        """Take a verdict. Anything else raises TypeError."""
        if not isinstance(record, Verdict):
            raise TypeError(f"no finding is settled by a record of type {type(record).__name__}")
        self._totals[record.word] += 1
        alert = (known or {}).get(record.finding_uid)
        if alert is None:
            self._totals["unknown"] += 1
            return Step(outputs=(self._told(record),), writes=(record,))
        revisions = [output for one in settled(alert, record) for output in outputs(self._judging, one)]
        return Step(outputs=(*revisions, self._told(record)), writes=(record,))

    def _told(self, verdict: Verdict) -> Output:
        change = Change(
            kind="finding",
            subject=verdict.finding_uid,
            action="update",
            after=f"verdict:{verdict.word}",
            reason=verdict.reason,
            by=verdict.by,
        )
        judging = self._judging
        body = changes.render(change, tenant=judging.tenant, version=judging.ocsf_version, at_ns=verdict.wall_ns)
        return Output(self._audit, verdict.finding_uid, body)
