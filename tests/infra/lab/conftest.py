"""A small world, and a small lab without any real part: turns of one server as three layers would tell of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from triptych.infra.demo.world import World
from triptych.infra.lab.pen import Pen
from triptych.infra.lab.turns import Labelled, Truth
from triptych.models import testing
from triptych.models.events import ArgumentFact, Call, Coverage, Principal, Server


@pytest.fixture
def pen(tmp_path: Path) -> Pen:
    world = World(root=tmp_path, docs="127.64.0.2:80", hub="127.0.0.3:81", collector="127.66.0.9:82")
    return Pen(random.Random(3), world, ["127.67.0.1:83"])


@pytest.fixture(scope="session")
def lab() -> Callable[[int], list[Labelled]]:
    """Makes so many harmless sessions and, for each layer, attacks that it sees best; and one that none sees."""
    return _lab


_PRINCIPALS = ("ada", "grace", "linus")
_WHOLE = Coverage(protocol=True, execution=True, agent=True)


def _fact(pointer: str, value: str, origin: Any) -> ArgumentFact:
    return ArgumentFact(pointer=pointer, type="string", size=len(value), digests=(value,), origin=origin)


def _call(number: int, tool: str, *effects: Any, values: tuple[ArgumentFact, ...], at_s: float) -> Call:
    made = testing.call(tool, *effects, at_s=number * 60 + at_s, arguments=values, coverage=_WHOLE)
    return replace(
        made,
        call_id=f"{number}/{at_s}",
        correlation_id=f"turn-{number}",
        conversation=f"session-{number // 2}",
        principal=Principal(kind="user", id=_PRINCIPALS[(number // 2) % len(_PRINCIPALS)]),
        server=Server(id="files"),
        request_size=100,
    )


def _turn(number: int, *, foreign: bool, theft: bool, silent: bool) -> Any:
    path = f"/srv/{number % 5}"
    read = _call(number, "read_file", testing.read(path), values=(_fact("/path", path, "prompt"),), at_s=0.0)
    stolen = (testing.read("/home/a/.ssh/id_rsa"), testing.connect("203.0.113.7:443")) if theft else ()
    to = _fact("/to", "mallory", "result") if foreign else _fact("/to", f"friend-{number % 3}", "prompt")
    send = _call(number, "send_text", *stolen, values=(to,), at_s=2.0)
    told = [(0, "read_file"), *(() if silent else ((2, "send_text"),)), (8, "read_file")]
    spans = [testing.span("execute_tool", at_s=number * 60 + at, tool=tool) for at, tool in told]
    return testing.turn(read, send, spans=spans, key=f"turn-{number}")


def _lab(sessions: int) -> list[Labelled]:
    """Two turns a session; then two attacks that each layer sees best, and one that none sees."""
    count = 2 * sessions
    turns = [_labelled(number, "", foreign=False, theft=False, silent=False) for number in range(count)]
    kinds = {"protocol": "foreign", "execution": "theft", "agent": "silent", "nothing": ""}
    for at, (story, flag) in enumerate(kinds.items()):
        flags = {name: name == flag for name in ("foreign", "theft", "silent")}
        turns += [_labelled(count + 2 * (2 * at + twice), story, **flags) for twice in range(2)]
    return turns


def _labelled(number: int, story: str, **flags: bool) -> Labelled:
    told = {"story": story, "family": story, "form": "easy", "seen_by": (story,), "verdict": "found"} if story else {}
    truth = Truth(trace=f"turn-{number}", conversation=f"session-{number // 2}", principal="p", kind="k", **told)
    return Labelled(_turn(number, **flags), truth)
