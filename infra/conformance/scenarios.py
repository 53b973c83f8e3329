"""Each scenario of a revision with its two sides, and how often they have to run."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from . import sides, suite
from .compare import Outcome, Verdict, judge, settled

__all__ = ["Half", "Scenario", "scenarios"]

Half = Literal["server", "client"]
Run = Callable[[], Outcome]


@dataclass(slots=True)
class Scenario:
    """One scenario, how to run it on each side, and what its runs gave."""

    name: str
    run_direct: Run
    run_through: Run
    direct: list[Outcome] = field(default_factory=list)
    through: list[Outcome] = field(default_factory=list)

    def compare(self) -> Verdict:
        """Runs both sides in turn until it is clear whether they differ, or only waver."""
        while not (self.direct and self.through and settled(self.direct, self.through)):
            self.direct.append(self.run_direct())
            self.through.append(self.run_through())
        return self.verdict

    @property
    def verdict(self) -> Verdict:
        return judge(self.direct, self.through)


@contextlib.contextmanager
def scenarios(half: Half, revision: str) -> Iterator[list[Scenario]]:
    """Every scenario of one half of the suite; they can be compared inside the block."""
    with contextlib.ExitStack() as stack:
        yield _servers(stack, revision) if half == "server" else _clients(revision)


def _servers(stack: contextlib.ExitStack, revision: str) -> list[Scenario]:
    """Run once as the suite runs them, all on one server; single ones again where that leaves a doubt."""
    direct = stack.enter_context(sides.everything())
    through = stack.enter_context(sides.gateway(direct))
    first, second = suite.server(direct, revision), suite.server(through, revision)
    return [
        Scenario(
            name,
            functools.partial(suite.server_scenario, name, direct, revision),
            functools.partial(suite.server_scenario, name, through, revision),
            [first[name]] if name in first else [],
            [second[name]] if name in second else [],
        )
        for name in sorted(first.keys() | second.keys())
    ]


def _clients(revision: str) -> list[Scenario]:
    command = [sys.executable, "-m", f"{__package__}.client"]
    return [
        Scenario(
            name,
            functools.partial(suite.client, name, command, revision),
            functools.partial(suite.client, name, [*command, "--gateway"], revision),
        )
        for name in suite.client_scenarios(revision)
    ]
