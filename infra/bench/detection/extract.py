"""AgentDojo runs as turns: the extract holds tools, sizes, digests and origins, no text.

One JSON object a line, gzip or plain. A run is one turn of one session; a suite is one server. The extract names no
principals, so all sessions count as of one.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from ....models.events import ArgumentFact, Call, Coverage, Origin, Server, ValueKind
from ....models.turn import Turn
from ..errors import BenchError

__all__ = ["Extract", "Run", "Sight", "load"]

Sight = Literal["prompt", "result", "calls"]
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
    attacked: bool
    number: int
    calls: Sequence[Mapping[str, Any]]

    def turn(self, sight: Sight) -> Turn:
        """As a gateway would tell of it that sees where values come from as far as `sight` goes."""
        key = f"{self.suite}/{self.number}"
        return Turn(key, tuple(self._call(key, at, call, sight) for at, call in enumerate(self.calls)))

    def _call(self, key: str, at: int, call: Mapping[str, Any], sight: Sight) -> Call:
        return Call(
            call_id=f"{key}/{at}",
            correlation_id=key,
            conversation=key,
            method="tools/call",
            tool=call["t"],
            server=Server(id=self.suite),
            started_ns=self.number * 1_000_000 + at,
            request_size=call["n"],
            is_error=bool(call["e"]),
            arguments=tuple(_fact(*argument, sight=sight) for argument in call["a"]),
            coverage=Coverage(protocol=True),
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
            attacked = told["attack"] is not None
            yield Run(told["model"], told["suite"], told["user_task"], attacked, number, told["calls"])


def _counts(told: Mapping[str, Any]) -> bool:
    """Whether a run is a user's own task without attack, or an attack that was seen, worked, and shows in calls."""
    if told["attack"] is None:
        return str(told["user_task"]).startswith("user")
    worked = told["security"] and told["exposed_at"] is not None and told["attack"] not in _DENIAL
    return bool(worked) and (told["suite"], told["injection_task"]) not in _SILENT


def _fact(name: str, size: int, digest: str, flags: str, *, sight: Sight) -> ArgumentFact:
    kind: ValueKind = "url" if name.lower() in _ADDRESSES else "text"
    origin = _origin(flags, sight)
    return ArgumentFact(pointer=f"/{name}", type="string", kind=kind, size=size, digests=(digest,), origin=origin)


def _origin(flags: str, sight: Sight) -> Origin:
    if sight == "calls":
        return "unknown"
    if sight == "prompt" and "u" in flags:
        return "prompt"
    return "result" if "o" in flags else "none"
