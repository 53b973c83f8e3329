"""Which calls act on the world: by the words of a tool's name, by an address among the arguments, or by what the
kernel saw; and which effects reach out or change files. A server chooses its names: one can make a call count as
acting, never as harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from .events import Call, Effect

__all__ = ["acts", "changed", "changes", "is_outside", "sends", "sent_outside", "writes"]

_VERBS = frozenset(
    re.findall(
        r"\w+",
        """
    add append cancel commit copy create delete drop edit execute grant insert invite invoke merge move pay post publish
    push put remove rename reply reschedule reserve run schedule send set share submit transfer update upload write
""",
    )
)
_ACCESS_MODE, _CREATE, _TRUNCATE = 0o3, 0o100, 0o1000
_CHANGES = frozenset({"link", "rename", "symlink", "truncate", "unlink"})
_REMEMBERED = 2048
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def acts(call: Call) -> bool:
    """Whether a call writes or sends."""
    return writes(call) or sends(call)


def writes(call: Call) -> bool:
    """Whether the name of a call says that it changes something."""
    return _says(call.tool or call.method)


@lru_cache(_REMEMBERED)
def _says(name: str) -> bool:
    return not _VERBS.isdisjoint(word.lower() for word in _WORD.findall(name))


def sends(call: Call) -> bool:
    """Whether a call that does not write reaches out: to an address among its arguments, or as the kernel saw it."""
    if writes(call):
        return False
    return any(fact.kind in {"url", "host"} for fact in call.arguments) or any(map(is_outside, call.effects))


def changed(effects: Iterable[Effect]) -> int:
    """How often files were written, renamed or removed."""
    return sum(max(effect.count, 1) for effect in effects if changes(effect))


def sent_outside(call: Call) -> int:
    """How many bytes went beyond the networks declared as inside."""
    return sum(effect.bytes_out for effect in call.effects if effect.bytes_out and is_outside(effect))


def changes(effect: Effect) -> bool:
    """Whether an effect opened a file for writing, renamed or removed one."""
    if effect.result < 0:
        return False
    if effect.kind == "change":
        return effect.detail is not None and effect.detail.operation in _CHANGES
    return effect.kind == "open" and bool(effect.flags & (_ACCESS_MODE | _CREATE | _TRUNCATE))


def is_outside(effect: Effect) -> bool:
    """Whether an effect reached beyond the networks declared as inside. Who is reached from there reaches nothing."""
    return effect.destination in {"outside", "metadata"} and effect.kind not in {"accept", "listen"}
