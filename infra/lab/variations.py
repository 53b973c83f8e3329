"""The same judging with other teaching: families of stories held out with their kinds of work, ever more sessions from
a cold start, and a principal that repeats an attack until it looks normal.

Pure: turns in, figures out. Raises nothing where a teaching set is too small for a model: rules judge alone then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...models.detections.engine import Rulebook
from ...models.events import Principal
from .masks import SUBSETS, name_of
from .score import Judged, Split, found, judge
from .turns import Labelled

__all__ = ["FOLDS", "Grown", "Poisoned", "grown", "held_out", "poisoned"]

FOLDS = 4
_SESSIONS = (5, 10, 20, 40, 80, 160)
_SHARE = 0.01
_WHOLE = SUBSETS[-1]

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Grown:
    """What all three layers find after so many honest sessions, and with rules alone."""

    sessions: int
    by_both: float
    by_rules: float


@dataclass(frozen=True, slots=True)
class Poisoned:
    """What is found of a story's tries, taught honestly and with one principal repeating it."""

    story: str
    repeated: int
    clean: float
    after: float


def held_out(
    parts: Split, work: Mapping[str, frozenset[str]], tell: Tell, subsets: Sequence[tuple[str, ...]] = SUBSETS
) -> Iterator[list[Judged]]:
    """For every set of layers, one judgement for each fold of families: taught without the kinds of work that the
    fold's stories are like (`work`, by family), asked about the attacks of the fold."""
    rules = Rulebook.load()
    for layers in subsets:
        tell(f"families held out: {name_of(layers)}")
        yield [judge(part, layers, rules, (0,))[0] for part in _folds(parts, work)]


def _folds(parts: Split, work: Mapping[str, frozenset[str]]) -> Iterator[Split]:
    families = sorted({one.truth.family for one in parts.attacks})
    for at in range(min(FOLDS, len(families))):
        fold = families[at::FOLDS]
        kinds = frozenset[str]().union(*(work.get(family, frozenset()) for family in fold))
        yield Split(
            [one for one in parts.normal if one.truth.kind not in kinds],
            parts.harmless,
            [one for one in parts.attacks if one.truth.family in fold],
        )


def grown(parts: Split, tell: Tell, sessions: Sequence[int] = _SESSIONS) -> Iterator[Grown]:
    """From a cold start: taught by the first so many sessions, then by all of them."""
    rules = Rulebook.load()
    order = list(dict.fromkeys(one.truth.conversation for one in parts.normal))
    for count in (*(some for some in sessions if some < len(order)), len(order)):
        tell(f"cold start: {count} sessions")
        first = set(order[:count])
        taught = [one for one in parts.normal if one.truth.conversation in first]
        (judged,) = judge(replace(parts, normal=taught), _WHOLE, rules, (0,))
        made = found(judged)
        yield Grown(count, made.share(made.by_both, of_attacks=True), made.share(made.by_rules, of_attacks=True))


def poisoned(parts: Split, whole: Judged, tell: Tell, share: float = _SHARE) -> Iterator[Poisoned]:
    """For each family one story of which something was found (`whole`), repeated in `share` of the sessions."""
    rules = Rulebook.load()
    hits = found(whole).by_both
    shares = {name: float(hits[at].mean()) for name, at in _of_story(whole).items()}
    for story in _one_a_family(parts.attacks, shares):
        tell(f"poisoning: {story}")
        tries = [one for one in parts.attacks if one.truth.story == story]
        taught = len({one.truth.conversation for one in parts.normal})
        count = max(2, round(share * taught))
        lessons = [_repeated(tries[0], number) for number in range(count)]
        (judged,) = judge(replace(parts, normal=[*parts.normal, *lessons]), _WHOLE, rules, (0,))
        after = float(found(judged).by_both[_of_story(judged)[story]].mean())
        yield Poisoned(story, count, shares[story], after)


def _of_story(judged: Judged) -> dict[str, NDArray[np.int64]]:
    """The places of each story's tries."""
    names = np.array([truth.story for truth in judged.truths])
    return {name: np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist()) if name}


def _one_a_family(attacks: Iterable[Labelled], shares: Mapping[str, float]) -> list[str]:
    first: dict[str, str] = {}
    for one in attacks:
        if shares[one.truth.story]:
            first.setdefault(one.truth.family, one.truth.story)
    return sorted(first.values())


def _repeated(one: Labelled, number: int) -> Labelled:
    """The attack once more, as an ordinary session of a principal of its own."""
    session, principal = f"poison-{number}", Principal(kind="configured", id="poisoner")
    calls = tuple(
        replace(
            call,
            call_id=f"{session}/{call.call_id}",
            correlation_id=session,
            conversation=session,
            principal=principal,
        )
        for call in one.turn.calls
    )
    return Labelled(replace(one.turn, key=session, calls=calls), replace(one.truth, conversation=session))
