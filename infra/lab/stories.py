"""Attack stories from `stories.toml`, and the turns they become: easy, stealthy, and mixed into honest work."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..demo.story import Turn
from ..demo.world import NOTE_TOPICS
from .benign import opened
from .desk import DESCRIPTIONS
from .errors import LabError
from .implants import IMPLANTS
from .script import LAYERS, NEXT, Ask, Script
from .servers import HTTP, STDIO
from .tasks import KINDS, QUERIES, Pen, turn_of

__all__ = ["BUNDLED", "FORMS", "Story", "load", "scripts"]

BUNDLED = Path(__file__).with_name("stories.toml")
FORMS = ("easy", "stealthy", "mixed")
_BUILDS = {NEXT, "weakened", *IMPLANTS, *DESCRIPTIONS}
_RESERVED = frozenset({"tool", "server", "announced", "session"})
_NAME = re.compile(r"\{(\w+)\}")

Verdict = Literal["found", "invisible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story. `seen_by`: the layers that can tell; `asks`: tool, server and arguments of each call."""

    name: str
    family: str
    seen_by: tuple[str, ...]
    goal: str
    asks: tuple[Mapping[str, Any], ...]
    build: str = NEXT
    on: str = ""
    verdict: Verdict = "found"
    stealthy: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises LabError Y02 for what cannot be played."""
        known = {*STDIO, HTTP}
        wrong = [ask.get("server") for ask in self.asks if ask.get("server", "desk") not in known or "tool" not in ask]
        if not self.asks or wrong or self.build not in _BUILDS or not set(self.seen_by) <= set(LAYERS):
            told = f"story {self.name!r}: build {self.build}, seen by {self.seen_by}, {len(self.asks)} calls, {wrong}"
            raise LabError(
                told, f"builds: {', '.join(sorted(_BUILDS))}; servers: {', '.join(sorted(known))}", code="Y02"
            )

    def as_form(self, form: str) -> Story:
        """What is played in this form."""
        if form != "stealthy" or not self.stealthy:
            return self
        changed = dict(self.stealthy)
        if "asks" in changed:
            changed["asks"] = tuple(changed["asks"])
        fields = {name: getattr(self, name) for name in self.__slots__}
        return Story(**{**fields, **changed, "stealthy": {}})


def load(file: Path = BUNDLED) -> tuple[Story, ...]:
    """The stories of a file, in its order. Raises LabError Y02."""
    try:
        told = tomllib.loads(file.read_text())["story"]
        found = [Story(**one | {"asks": tuple(one["asks"]), "seen_by": tuple(one["seen_by"])}) for one in told]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LabError(f"{file.name} holds no stories: {error}", "see stories.toml", code="Y02") from error
    names = [story.name for story in found]
    if len(set(names)) < len(names):
        raise LabError(f"{file.name} tells a story twice", "give each a name of its own", code="Y02")
    return tuple(found)


def scripts(stories: Sequence[Story], principals: Sequence[str], pen: Pen, rounds: int) -> Iterator[Script]:
    """Every story in every form it has, `rounds` times, by principals in turn."""
    number = 0
    for _ in range(rounds):
        for story in stories:
            for form in FORMS:
                if form != "stealthy" or story.stealthy:
                    yield _script(story, form, principals[number % len(principals)], number, pen)
                    number += 1


def _script(story: Story, form: str, principal: str, number: int, pen: Pen) -> Script:
    played = story.as_form(form)
    bad = _bad_turn(played, pen)
    kinds = [pen.pick(*KINDS) for _ in range(pen.chance.randint(0, 2))]
    if form == "mixed":
        bad = _mixed(bad, turn_of(pen.pick(*KINDS), pen), pen)
        kinds = kinds or [pen.pick(*KINDS)]
    turns = [*(turn_of(kind, pen) for kind in kinds), bad]
    return Script(
        principal=principal,
        conversation=f"attack-{number:04d}",
        turns=(opened(turns[0]), *turns[1:]),
        release=played.build,
        trigger=played.on,
        story=story.name,
        form=form,
        bad=frozenset({len(kinds)}),
        kinds=(*kinds, story.name),
    )


def _bad_turn(story: Story, pen: Pen) -> Turn:
    words = _Words(pen)
    return Turn(words.fill(story.goal), tuple(_ask(ask, words) for ask in story.asks))


def _ask(told: Mapping[str, Any], words: _Words) -> Ask:
    arguments = {name: words.fill(value) for name, value in told.items() if name not in _RESERVED}
    return Ask(
        told["tool"],
        arguments,
        told.get("server", "desk"),
        announced=told.get("announced", True),
        session=told.get("session", ""),
    )


def _mixed(bad: Turn, honest: Turn, pen: Pen) -> Turn:
    """The attack amid honest work; its own order stands."""
    at = pen.chance.randint(0, len(honest.steps))
    return Turn(f"{honest.goal} {bad.goal}", (*honest.steps[:at], *bad.steps, *honest.steps[at:]))


class _Words:
    """What the placeholders of one turn stand for: each for the same wherever it occurs."""

    def __init__(self, pen: Pen) -> None:
        world = pen.world
        self._words = {
            "docs": world.docs,
            "hub": world.hub,
            "collector": world.collector,
            "home": str(world.home),
            "workspace": str(world.workspace),
            "repository": str(world.repository),
            "config": pen.config,
            "report": pen.report,
            "topic": pen.pick(*NOTE_TOPICS),
            "query": pen.pick(*QUERIES),
            "number": str(pen.chance.randint(100, 999)),
        }

    def fill(self, value: Any) -> Any:
        """Raises LabError Y02 for a placeholder that stands for nothing."""
        return _NAME.sub(self._word, value) if isinstance(value, str) else value

    def _word(self, found: re.Match[str]) -> str:
        if found[1] not in self._words:
            raise LabError(f"{found[0]} stands for nothing", f"known: {', '.join(self._words)}", code="Y02")
        return self._words[found[1]]
