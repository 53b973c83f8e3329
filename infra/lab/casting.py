"""Stories as conversations: each easy, stealthy, and mixed into honest work, by principals in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..demo.story import Turn
from .benign import agents_for, opened
from .pen import Pen
from .script import Script
from .stories import FORMS, Story
from .tasks import turn_of
from .wording import turn_from

__all__ = ["scripts"]


def scripts(stories: Sequence[Story], principals: Sequence[str], pen: Pen, rounds: int) -> Iterator[Script]:
    """Every story in every form it has, `rounds` times, by principals in turn. Raises LabError Y02."""
    number = 0
    for _ in range(rounds):
        for story in stories:
            for form in FORMS:
                if form != "stealthy" or story.stealthy:
                    yield _script(story, form, principals[number % len(principals)], number, pen)
                    number += 1


def _script(story: Story, form: str, principal: str, number: int, pen: Pen) -> Script:
    played = story.as_form(form)
    agent = pen.chance.choice(agents_for(played.servers))
    bad, first = turn_from(played.goal, played.asks, pen), played.first
    kinds = [pen.pick(*agent.kinds) for _ in range(pen.chance.randint(0, 2))]
    if form == "mixed":
        honest = turn_of(pen.pick(*agent.kinds), pen)
        at = pen.chance.randint(0, len(honest.steps))
        bad, first = _mixed(bad, honest, at), at + first
        kinds = kinds or [pen.pick(*agent.kinds)]
    turns = [*(turn_of(kind, pen) for kind in kinds), bad]
    return Script(
        principal=principal,
        agent=agent.name,
        conversation=f"attack-{number:04d}",
        turns=(opened(turns[0]), *turns[1:]),
        release=played.build,
        trigger=played.on,
        story=story.name,
        form=form,
        bad=len(kinds),
        first=first if kinds else first + 1,
        kinds=(*kinds, story.name),
    )


def _mixed(bad: Turn, honest: Turn, at: int) -> Turn:
    """The attack amid honest work; its own order stands."""
    return Turn(f"{honest.goal} {bad.goal}", (*honest.steps[:at], *bad.steps, *honest.steps[at:]))
