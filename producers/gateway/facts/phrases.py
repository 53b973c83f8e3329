"""Phrases by which a tool's definition talks to the model: words in order, at most so many characters apart.

One pass over the words, whatever the text: of each phrase only the latest end of each of its beginnings is kept.
"""

from __future__ import annotations

import re

__all__ = ["instructs", "may_instruct"]

_Step = tuple[int, frozenset[str]]  # most characters since the word before, and the words that fit
_WORD = re.compile(r"[a-z]++(?:['\u2019]t)?+")
_TELL = (30, "tell mention inform reveal show notify")
_USER = (30, "user users human humans")
_WRITTEN = (
    (
        (0, "ignore disregard forget"),
        (40, "previous prior above earlier all"),
        (40, "instruction instructions rule rules prompt prompts"),
    ),
    ((0, "do"), (3, "not"), _TELL, _USER),
    ((0, "don't don\u2019t never"), _TELL, _USER),
    (
        (0, "before after when whenever"),
        (20, "use using"),
        (30, "this any other"),
        (10, "tool tools"),
        (80, "must read call first"),
    ),
    ((0, "you"), (3, "must"), (3, "first always also")),
)
_PHRASES: tuple[tuple[_Step, ...], ...] = tuple(
    tuple((gap, frozenset(words.split())) for gap, words in phrase) for phrase in _WRITTEN
)
_PLACES: dict[str, list[tuple[int, int]]] = {}  # of a word: phrase and step, later steps first
for _phrase, _steps in enumerate(_PHRASES):
    for _step in reversed(range(len(_steps))):
        for _word in _steps[_step][1]:
            _PLACES.setdefault(_word, []).append((_phrase, _step))


# Of each phrase, sets of which one word each must stand somewhere: looked for as plain text, far faster than by words.
_NEEDED = (
    (("ignore", "disregard", "forget"), ("instruction", "rule", "prompt")),
    (("user", "human"), ("not", "n't", "n\u2019t", "never"), tuple(_TELL[1].split())),
    (("tool",), ("use", "using"), ("before", "after", "when"), ("must", "read", "call", "first")),
    (("you",), ("must",), ("first", "always", "also")),
)


def may_instruct(lowered: str) -> bool:
    """Whether the words of a phrase stand in a text in lower case, in any order. Without them `instructs` is false."""
    for sets in _NEEDED:
        for words in sets:
            for word in words:
                if word in lowered:
                    break
            else:
                break
        else:
            return True
    return False


def instructs(text: str) -> bool:
    """Whether one of the phrases stands in `text`."""
    ends = [[-1] * len(phrase) for phrase in _PHRASES]
    for match in _WORD.finditer(text.lower()):
        for phrase, step in _PLACES.get(match.group(), ()):
            before = ends[phrase][step - 1] if step else match.start()
            if before < 0 or match.start() - before > _PHRASES[phrase][step][0]:
                continue
            if step == len(ends[phrase]) - 1:
                return True
            ends[phrase][step] = match.end()
    return False
