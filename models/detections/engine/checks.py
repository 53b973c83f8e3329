"""What a need can ask of the sightings of its step: how many different ones, how much, how new, how alike. Pure.

A check holds with a fact in words, does not hold, or cannot be judged and says what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .alike import twins
from .sightings import Held, Sighting
from .table import Table

__all__ = ["ANY", "Check", "Lack", "Past", "View", "lack_of", "read_checks"]


@dataclass(frozen=True, slots=True)
class Lack:
    """Why it cannot be judged."""

    reason: str


@dataclass(frozen=True, slots=True)
class Past:
    """How far back a window looks, what it forgets, and what its history needs."""

    span_us: int
    history_us: int
    most: int
    mature: tuple[str, int] | None


class View(NamedTuple):
    """What is known when `last` completes a window: the sightings of the need's step within the span (`recent`, itself
    at the end where it is of that step) and before it (`past`), and those of all steps (`around`, `before`)."""

    last: Sighting
    recent: Sequence[Sighting]
    past: Sequence[Sighting]
    around: Sequence[Sighting]
    before: Sequence[Sighting]
    lack: str = ""  # what the history lacks


Verdict = str | Lack | None
Check = Callable[[View], Verdict]
Facet = tuple[str, str]  # step and name


ANY = "*"
"""In place of a step's name: every step tells this facet."""
_Read = tuple[Check, tuple[Facet, ...]]


def read_checks(table: Table, step: str, past: Past) -> list[_Read]:
    """The checks of one need, with the facets that sightings must tell for them."""
    found: list[_Read] = []
    for key, kind in (("distinct", int), ("sum", float)):
        inner = table.table(key)
        for name in inner.rest():
            least = inner.need(name, kind)
            found.append((_NUMBERED[key](name, float(least)), ((step, name),)))
    for key, read in _TABLED.items():
        if table.has(key):
            found.append(read(table.table(key), step))
    for key in ("new", "surge", "over"):
        if table.has(key) and not past.history_us:
            raise table.error(f"{table.at(key)} needs a history", "set window.history_s")
    if table.has("new"):
        found.append(_read_new(table, step, past))
    if table.has("surge"):
        found.append((_surge(table.need("surge", float), past.span_us / (past.history_us - past.span_us)), ()))
    return found


def _read_new(table: Table, step: str, past: Past) -> _Read:
    new, across = table.need("new", str), table.get("across", str, "")
    bar = _Novelty(
        values=table.get("new_values", int, 1),
        share=table.get("new_share", float, 0.0),
        times=table.get("new_times", int, 1),
    )
    if across:
        return _new_across(new, across, past), ((step, new), (ANY, across))
    return _new(new, bar), ((step, new),)


def _distinct(name: str, least: float) -> Check:
    def distinct(view: View) -> Verdict:
        count = len({one.facet(name) for one in view.recent})
        return f"{count} different in {_word(name)}" if count >= least else None

    return distinct


def _sum(name: str, least: float) -> Check:
    def total(view: View) -> Verdict:
        amount = sum(_number(one.facet(name)) for one in view.recent)
        return f"{amount:,.0f} {_word(name)} together" if amount >= least else None

    return total


_NUMBERED: dict[str, Callable[[str, float], Check]] = {"distinct": _distinct, "sum": _sum}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Novelty:
    """So many new values, which are such a share of the recent ones, the last of them seen so many times."""

    values: int
    share: float
    times: int


def _new(name: str, bar: _Novelty) -> Check:
    """The last one shows a value that the history does not know."""

    def new(view: View) -> Verdict:
        if view.lack:
            return Lack(view.lack)
        known, value = {one.facet(name) for one in view.past}, view.last.facet(name)
        if value in known or sum(one.facet(name) == value for one in view.recent) < bar.times:
            return None
        recent = {one.facet(name) for one in view.recent}
        fresh = recent - known
        if len(fresh) < bar.values or len(fresh) < bar.share * len(recent):
            return None
        return f"{len(fresh)} of {len(recent)} in {_word(name)} never seen before ({len(known)} known)"

    return new


def _new_across(name: str, across: str, past: Past) -> Check:
    """The last one shows a value that no sighting with another `across` ever showed, although there are enough. Values
    of `across` are compared with those of their own sort only, which is their first word."""

    def new(view: View) -> Verdict:
        last, mine = view.last, view.last.facet(across)
        if any(one.facet(across) == mine for one in view.before):
            return None  # it is not new any more
        others = [
            one
            for one in (*view.before, *view.around)
            if one.facet(across) != mine and _sort(one, across) == _sort(last, across)
        ]
        if not others or any(one.step == last.step and one.facet(name) == last.facet(name) for one in others):
            return None
        lack = _immature(others, past)
        return Lack(lack) if lack else f"{last.facet(name)}: never before this {_word(across)}"

    return new


def _sort(one: Sighting, name: str) -> str:
    return one.facet(name).split(" ", 1)[0]


def _surge(times: float, part: float) -> Check:
    """So many times as often as in the history; `part` is the span's part of it."""

    def surge(view: View) -> Verdict:
        usual = len(view.past) * part
        often = len(view.recent)
        return f"{often} where {usual:.1f} are usual" if often >= times * max(usual, 1.0) else None

    return surge


def _read_over(table: Table, step: str) -> _Read:
    """The last one is so many times the greatest that a step of the history told."""
    name, where, times = table.need("of", str), table.get("at", str, step), table.need("times", float)
    table.done()

    def over(view: View) -> Verdict:
        if view.lack:
            return Lack(view.lack)
        greatest = max((_number(one.facet(name)) for one in view.before if one.step == where), default=0)
        value = _number(view.last.facet(name))
        return f"{_word(name)} {value:,.0f}, before never above {greatest:,.0f}" if value >= times * greatest else None

    return over, ((step, name), (where, name))


def _read_share(table: Table, step: str) -> _Read:
    name, where = table.need("of", str), table.need("in", str)
    least = table.need("at_least", float)
    table.done()
    other, _, number = where.partition(".")

    def share(view: View) -> Verdict:
        whole = max((_number(one.facet(number)) for one in view.around if one.step == other), default=0)
        count = len({one.facet(name) for one in view.recent})
        return f"{count} of {whole:.0f} {_word(name)}s" if whole and count >= least * whole else None

    return share, ((step, name), (other, number))


def _read_alike(table: Table, step: str) -> _Read:
    name, differ = table.need("of", str), table.texts("differ", need=True)
    table.done()

    def alike(view: View) -> Verdict:
        others = [
            one for one in (*view.past, *view.recent) if all(one.facet(key) != view.last.facet(key) for key in differ)
        ]
        twin = twins(view.last.facet(name), (one.facet(name) for one in others))
        return f"{view.last.facet(name)} looks like {twin}, from elsewhere" if twin is not None else None

    return alike, tuple((step, key) for key in (name, *differ))


_TABLED: dict[str, Callable[[Table, str], _Read]] = {"alike": _read_alike, "over": _read_over, "share": _read_share}


def _number(text: str) -> float:
    return float(text) if text else 0.0


def _word(name: str) -> str:
    return name.replace("_", " ")


def lack_of(before: Sequence[Sighting], whole: Held, past: Past, last: Sighting) -> str:
    """What the history of a window lacks before it can say that something is new; `before` lies behind the span."""
    if len(whole) >= past.most and whole[0].at_us > last.at_us - past.span_us:
        return f"only the newest {past.most} sightings are kept, and they reach back less than the span"
    return _immature(before, past)


def _immature(before: Sequence[Sighting], past: Past) -> str:
    if past.mature is None:
        return ""
    name, least = past.mature
    have = len({one.facet(name) for one in before})
    return "" if have >= least else f"the history has {have} of the {least} in {_word(name)} that it needs"
