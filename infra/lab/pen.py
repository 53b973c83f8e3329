"""What honest work is written with: chance, the world, and the calls that many kinds of work share. Seeded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..demo.story import Turn
from ..demo.world import CONFIGS, NOTE_TOPICS, PAGES, REPORTS, World
from .script import Ask

__all__ = ["QUERIES", "Pen", "Task"]

QUERIES = ("open", "nothing", "owner", "limit", "week", "service")
_TOLD = 0.85
_ARCHIVED = 120


@dataclass(frozen=True, slots=True)
class Pen:
    """What a task is written with: chance, the world, and the partners' addresses."""

    chance: random.Random
    world: World
    partners: Sequence[str]

    def pick(self, *of: str) -> str:
        return self.chance.choice(of)

    def some(self, least: int, most: int) -> range:
        return range(self.chance.randint(least, most))

    @property
    def config(self) -> str:
        return f"config/{self.pick(*CONFIGS)}.toml"

    @property
    def report(self) -> str:
        return f"reports/{self.pick(*REPORTS)}.md"

    @property
    def page(self) -> str:
        return f"http://{self.world.docs}/{self.pick(*PAGES)}"

    @property
    def hub(self) -> str:
        return f"http://{self.world.hub}/reports"

    @property
    def partner(self) -> str:
        return f"http://{self.chance.choice(self.partners)}/incoming"

    @property
    def archive(self) -> Path:
        return self.world.workspace / "archive"

    def cases(self, count: int) -> list[str]:
        """Paths of so many archived cases, none twice."""
        numbers = self.chance.sample(range(_ARCHIVED), k=count)
        return [str(self.archive / f"case-{number:03d}.md") for number in numbers]

    def search(self) -> Ask:
        return Ask("search_notes", {"topic": self.pick(*NOTE_TOPICS), "query": self.pick(*QUERIES)})

    def note(self) -> Ask:
        title = f"{self.pick(*QUERIES)} {self.chance.randint(100, 999)}"
        body = self.pick("Checked, nothing to do.", "Done as the guide says.", "Ask again next week.")
        return Ask("write_note", {"topic": self.pick(*NOTE_TOPICS), "title": title, "body": body})

    def noted(self) -> tuple[str, Ask]:
        """What the user says of the note they want, mostly by its topic and title, and the note."""
        note = self.note()
        told = f"Put it into the notes on {note.arguments['topic']} as {note.arguments['title']!r}."
        return (told if self.chance.random() < _TOLD else "Make a note."), note

    def post(self, url: str) -> Ask:
        return Ask("post_report", {"url": url, "text": f"All well in {self.pick(*REPORTS)}."})


Task = Callable[[Pen], Turn]
"""Writes one turn of a kind of work."""
