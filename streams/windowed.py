"""What the windows of rules said of one turn. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice

from ..models.detections.engine import Hit, NotJudged
from ..models.detections.engine import Windowed as Said
from ..models.events import Call
from ..models.turn import Turn

__all__ = ["Windowed"]

_MOST_MATCHES = 20
_MOST_RAISED = 256  # findings of windows that a turn knows of; nobody judges more than these


@dataclass(slots=True, eq=False)
class Windowed:
    """What windows said of a turn. `key`, `hits`: of the finding of a window, which is a turn of its own, its key and
    by call what completed it. Of other turns: whether any of its calls `raised` one, the keys of those, the hits of
    rules that only signal, and by rule what could not be judged."""

    key: str = ""
    hits: dict[str, Hit] = field(default_factory=dict)
    raised: bool = False
    raised_by: set[str] = field(default_factory=set)
    signals: dict[str, Hit] = field(default_factory=dict)
    not_judged: dict[str, NotJudged] = field(default_factory=dict)

    def hear(self, said: Said) -> None:
        """What the windows said of a call of the turn."""
        self.signals.update((one.hit.rule.id, one.hit) for one in said.hits if one.hit.rule.signal)
        raised = (one.key for one in said.hits if not one.hit.rule.signal)
        self.raised_by.update(islice(raised, _MOST_RAISED - len(self.raised_by)))
        self.raised = self.raised or bool(self.raised_by)
        self.not_judged.update((one.rule, one) for one in said.not_judged)

    def complete(self, key: str, call: Call, hit: Hit) -> None:
        """A call completed the window, or a late one before it."""
        self.key, self.raised = key, True
        self.hits[call.call_id] = hit

    def together(self, turn: Turn) -> tuple[Hit, ...]:
        """The finding's one hit: what every call showed that is still held, as the worst and last of them says."""
        held = [self.hits[call.call_id] for call in turn.calls if call.call_id in self.hits]
        if not held:
            return ()
        worst = max(held, key=lambda hit: hit.risk)
        matches = [match for hit in held for match in hit.matches][-_MOST_MATCHES:]
        return (replace(worst, matches=tuple(matches)),)
