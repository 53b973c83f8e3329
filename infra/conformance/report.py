"""Both sets of outcomes side by side, in words and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from .compare import Outcome, Verdict
from .scenarios import Scenario

__all__ = ["summary", "table"]

_COLOURS: dict[Verdict, str] = {"same": "green", "unsteady": "yellow", "different": "bold red"}


def table(compared: Sequence[Scenario], title: str) -> Table:
    """A row a scenario: checks passed and failed on each side, and the verdict."""
    made = Table("scenario", "direct", "gateway", "verdict", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for scenario in compared:
        verdict = Text(scenario.verdict, style=_COLOURS[scenario.verdict])
        made.add_row(scenario.name, _sides(scenario.direct), _sides(scenario.through), verdict)
    return made


def summary(compared: Sequence[Scenario]) -> str:
    """One line a person can take home, and behind it the checks of every scenario that is not the same."""
    verdicts = Counter(scenario.verdict for scenario in compared)
    lines = [f"{len(compared)} scenarios: " + ", ".join(f"{verdicts[name]} {name}" for name in _COLOURS)]
    for scenario in compared:
        if scenario.verdict != "same":
            lines += [f"  {scenario.name}: {scenario.verdict}", *_differing(scenario)]
    return "\n".join(lines)


def _sides(runs: Sequence[Outcome]) -> str:
    """What the runs of one side gave, the usual outcome first; with how often, where it wavers."""
    counted = Counter(map(_passes, runs)).most_common()
    return "\n".join(text if len(counted) == 1 else f"{text} ({times}x)" for text, times in counted)


def _passes(outcome: Outcome) -> str:
    statuses = Counter(status for _, status in outcome)
    counts = {"passed": statuses.pop("SUCCESS", 0), "failed": statuses.pop("FAILURE", 0), **statuses}
    return ", ".join(f"{count} {name.lower()}" for name, count in counts.items() if count or name == "passed")


def _differing(scenario: Scenario) -> list[str]:
    """Checks whose status on one side was never seen on the other."""
    direct, through = ({check for run in runs for check in run} for runs in (scenario.direct, scenario.through))
    sides = (("only direct", direct - through), ("only behind the gateway", through - direct))
    return [f"    {side}: {name} {status}" for side, only in sides for name, status in sorted(only)]
