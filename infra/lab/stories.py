"""Files of stories: attacks as data, and with them servers and honest work of one's own. Refuses at once what could not
be played."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from .desk import DESCRIPTIONS
from .errors import LabError
from .implants import IMPLANTS
from .script import LAYERS, NEXT
from .servers import HTTP, STDIO
from .tasks import KINDS, ODD

__all__ = ["BUNDLED", "FORMS", "Scenario", "Story", "Work", "load"]

BUNDLED = Path(__file__).with_name("stories.toml")
FORMS = ("easy", "stealthy", "mixed")
_BUILDS = {NEXT, "weakened", *IMPLANTS, *DESCRIPTIONS}
_TABLES = ("story", "work", "server")
_DESK = "desk"

Verdict = Literal["found", "invisible"]
Asks = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One attack. `seen_by`: the layers that can tell; `asks`: tool, server and arguments of each call; `like`: the
    kinds of honest work that it looks like."""

    name: str
    family: str
    seen_by: tuple[str, ...]
    goal: str
    asks: Asks
    build: str = NEXT
    on: str = ""
    like: tuple[str, ...] = ()
    verdict: Verdict = "found"
    stealthy: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises LabError Y02 for what cannot be played."""
        _one_of(self.name, "build", [self.build], _BUILDS)
        _one_of(self.name, "layer", self.seen_by, LAYERS)
        if not self.asks:
            raise LabError(f"{self.name!r} makes no call", "asks names at least one tool", code="Y02")

    @property
    def servers(self) -> set[str]:
        return _servers(self.asks)

    @property
    def first(self) -> int:
        """The call beside which an implant first acts, else the first."""
        return next((at for at, ask in enumerate(self.asks) if self.on and ask["tool"] == self.on), 0)

    def as_form(self, form: str) -> Story:
        """What is played in this form."""
        if form != "stealthy" or not self.stealthy:
            return self
        changed = dict(self.stealthy)
        if "asks" in changed:
            changed["asks"] = tuple(changed["asks"])
        fields = {name: getattr(self, name) for name in self.__slots__}
        return Story(**{**fields, **changed, "stealthy": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A kind of honest work of one's own, told as a story is."""

    name: str
    goal: str
    asks: Asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is played. `servers`: for each server of one's own, over stdio, its command; `work`: honest work on it."""

    stories: tuple[Story, ...]
    servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    work: tuple[Work, ...] = ()

    def __post_init__(self) -> None:
        """Raises LabError Y02 for names that are told twice, or stand for nothing."""
        told: tuple[Story | Work, ...] = (*self.stories, *self.work)
        names = [one.name for one in told]
        if twice := {name for name in names if names.count(name) > 1}:
            raise LabError(f"told twice: {', '.join(sorted(twice))}", "give each a name of its own", code="Y02")
        known = {*STDIO, HTTP, *self.servers}
        kinds = {*KINDS, *ODD, *(work.name for work in self.work)}
        for one in told:
            _one_of(one.name, "server", _servers(one.asks), known)
        for story in self.stories:
            _one_of(story.name, "kind of work", story.like, kinds)
            _one_of(story.name, "server", story.as_form("stealthy").servers, known)

    def with_own(self, own: Mapping[str, Any]) -> Scenario:
        """With what another file tells beside. Raises LabError Y02."""
        _one_of("the file", "table", own, _TABLES)
        servers = {one["name"]: tuple(one["command"]) for one in own.get("server", ())}
        work = [Work(**_told(Work, one)) for one in own.get("work", ())]
        stories = [Story(**_told(Story, one)) for one in own.get("story", ())]
        return Scenario(
            stories=(*self.stories, *stories), servers={**self.servers, **servers}, work=(*self.work, *work)
        )


def load(*files: Path) -> Scenario:
    """The lab's own stories, and those of files beside, in their order. Raises LabError Y02."""
    told = Scenario(stories=())
    for file in (BUNDLED, *files):
        try:
            told = told.with_own(tomllib.loads(file.read_text()))
        except (OSError, tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError) as error:
            raise LabError(f"{file.name} holds no stories: {error}", "see stories.toml", code="Y02") from error
        except LabError as error:
            raise LabError(f"{file.name}: {error.what}", error.hint, code="Y02") from error
    return told


def _told(kind: type[Story | Work], one: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one table, lists as tuples. Raises LabError Y02 for one that is missing or has no meaning."""
    name = one.get("name", "one without a name")
    _one_of(name, "field", one, [field.name for field in fields(kind)])
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]
    if missing := [field for field in needed if field not in one]:
        raise LabError(f"{name!r} lacks {', '.join(missing)}", f"needed: {', '.join(needed)}", code="Y02")
    if nameless := [ask for ask in one["asks"] if "tool" not in ask]:
        raise LabError(f"{name!r} asks for no tool: {nameless[0]}", 'tool = "..."', code="Y02")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in one.items()}


def _servers(asks: Sequence[Mapping[str, Any]]) -> set[str]:
    return {ask.get("server", _DESK) for ask in asks}


def _one_of(name: str, what: str, given: Collection[str], known: Collection[str]) -> None:
    if wrong := sorted(set(given) - set(known)):
        raise LabError(
            f"{name!r} names a {what} that is not there: {', '.join(wrong)}",
            f"known: {', '.join(sorted(known))}",
            code="Y02",
        )
