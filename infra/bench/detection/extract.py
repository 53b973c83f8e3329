"""AgentDojo runs as turns: the extract holds tools, sizes, digests and origins, no text.

One JSON object a line, gzip or plain. A run is one turn of one session; a suite is one server. The extract names no
principals, so all sessions count as of one.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ....models.events import ArgumentFact, Call, Coverage, Origin, Principal, Server, ValueKind
from ....models.sight import Sight, seen_with
from ....models.turn import Turn
from ..errors import BenchError

__all__ = ["Extract", "Run", "load"]

_GZIP = b"\x1f\x8b"
# Attacks that only fill the context, and a goal that is a sentence of the answer: no call shows them.
_DENIAL = frozenset({"captcha_dos", "dos", "felony_dos", "offensive_email_dos", "swearwords_dos"})
_SILENT = frozenset({("travel", "injection_task_6")})
_ADDRESSES = frozenset({"url", "uri", "host", "hostname", "endpoint", "webhook", "domain", "link"})


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one pipeline at one task."""

    pipeline: str
    suite: str
    task: str
    goal: str | None  # of the attacker; None for a harmless run
    number: int
    calls: Sequence[Mapping[str, Any]]

    @property
    def attacked(self) -> bool:
        return self.goal is not None

    def turn(self, sight: Sight = "prompt", *, principal: str = "", number: int | None = None) -> Turn:
        """As a gateway would tell of it that sees where values come from as far as `sight` goes; with a `number` of its
        own it is another session."""
        key = f"{self.suite}/{self.number if number is None else number}"
        calls = tuple(self._call(key, at, call, principal) for at, call in enumerate(self.calls))
        return seen_with(Turn(key, calls), sight)

    def _call(self, key: str, at: int, call: Mapping[str, Any], principal: str) -> Call:
        return Call(
            call_id=f"{key}/{at}",
            correlation_id=key,
            conversation=key,
            method="tools/call",
            tool=call["t"],
            principal=Principal(kind="configured", id=principal) if principal else Principal(),
            server=Server(id=self.suite),
            started_ns=self.number * 1_000_000 + at,
            request_size=call["n"],
            is_error=bool(call["e"]),
            arguments=tuple(_fact(*argument) for argument in call["a"]),
            coverage=Coverage(protocol=True, agent=True),
        )


@dataclass(frozen=True, slots=True)
class Extract:
    """Runs that made calls and did not abort: harmless ones, and attacks that reached a goal calls can show."""

    benign: Sequence[Run]
    attacks: Sequence[Run]


def load(file: Path) -> Extract:
    """The runs of one extract. Raises BenchError B03 for a file that is none."""
    try:
        runs = [*_runs(file)]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise BenchError(
            f"{file.name} is no extract of AgentDojo runs: {type(error).__name__} {error}",
            "the format stands in infra/bench/detection/README.md",
            code="B03",
        ) from error
    return Extract([run for run in runs if not run.attacked], [run for run in runs if run.attacked])


def _runs(file: Path) -> Iterator[Run]:
    data = file.read_bytes()
    if data.startswith(_GZIP):
        data = gzip.decompress(data)
    for number, line in enumerate(data.splitlines()):
        told = orjson.loads(line)
        if told["calls"] and not told["error"] and _counts(told):
            goal = None if told["attack"] is None else str(told["injection_task"])
            yield Run(told["model"], told["suite"], told["user_task"], goal, number, told["calls"])


def _counts(told: Mapping[str, Any]) -> bool:
    """Whether a run is a user's own task without attack, or an attack that was seen, worked, and shows in calls."""
    if told["attack"] is None:
        return str(told["user_task"]).startswith("user")
    worked = told["security"] and told["exposed_at"] is not None and told["attack"] not in _DENIAL
    return bool(worked) and (told["suite"], told["injection_task"]) not in _SILENT


def _fact(name: str, size: int, digest: str, flags: str) -> ArgumentFact:
    kind: ValueKind = "url" if name.lower() in _ADDRESSES else "text"
    returned = "o" in flags
    origin: Origin = "prompt" if "u" in flags else "result" if returned else "none"
    return ArgumentFact(
        pointer=f"/{name}", type="string", kind=kind, size=size, digests=(digest,), origin=origin,
        origin_call="" if returned else None,
    )  # fmt: skip
