"""What a need can ask of the sightings of its step: how many different ones, how much, how new, how alike. Pure.

A check holds with a fact in words, does not hold, or cannot be judged and says what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .alike import twins
from .moments import Past, View, immature
from .sightings import Sighting
from .table import Table
from .wording import amount, shown, word, words

__all__ = ["ANY", "Check", "Facet", "Lack", "read_checks"]


@dataclass(frozen=True, slots=True)
class Lack:
    """Why it cannot be judged."""

    reason: str


Verdict = str | Lack | None
Check = Callable[[View], Verdict]


class Facet(NamedTuple):
    """What a check asks sightings of a step to tell."""

    step: str
    name: str
    number: bool = False


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
            found.append((_NUMBERED[key](name, float(least)), (Facet(step, name, number=key == "sum"),)))
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
        return _new_across(new, across, past), (Facet(step, new), Facet(ANY, across))
    return _new(new, bar, step), (Facet(step, new),)


def _distinct(name: str, least: float) -> Check:
    def distinct(view: View) -> Verdict:
        count = len({one.facet(name) for one in view.recent})
        return f"{count} different {words(name)}" if count >= least else None

    return distinct


def _sum(name: str, least: float) -> Check:
    def together(view: View) -> Verdict:
        total = sum(_number(one.facet(name)) for one in view.recent)
        return f"{total:,.0f} {words(name)} together" if total >= least else None

    return together


_NUMBERED: dict[str, Callable[[str, float], Check]] = {"distinct": _distinct, "sum": _sum}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Novelty:
    """So many new values, which are such a share of the recent ones, the last of them seen so many times."""

    values: int
    share: float
    times: int


def _new(name: str, bar: _Novelty, step: str) -> Check:
    """The last one shows a value that the history does not know."""

    def new(view: View) -> Verdict:
        value, enough = view.last.facet(name), len(view.recent) >= bar.values
        if not enough or sum(one.facet(name) == value for one in view.recent) < bar.times:
            return None
        known = {one.facet(name) for one in view.past}
        if value in known:  # the longest history would not make it new
            return None
        if view.lack:
            return Lack(view.lack)
        recent = {one.facet(name) for one in view.recent}
        fresh = recent - known
        if len(fresh) < bar.values or len(fresh) < bar.share * len(recent):
            return None
        if bar.values > 1:
            return f"{len(fresh)} of {len(recent)} {words(name)} never seen before"
        return f"a {word(name)} that no earlier {step} had{shown(name, value)}"

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
        lack = immature(others, past)
        return Lack(lack) if lack else f"{last.facet(name)}, never before this {word(across)}"

    return new


def _sort(one: Sighting, name: str) -> str:
    return one.facet(name).split(" ", 1)[0]


def _surge(times: float, part: float) -> Check:
    """So many times as often as in the history; `part` is the span's part of it."""

    def surge(view: View) -> Verdict:
        usual, often = len(view.past) * part, len(view.recent)
        if often < times * max(usual, 1.0):
            return None
        return f"{often} where {usual:.1f} are usual" if view.past else Lack("nothing was seen of it before the span")

    return surge


def _read_over(table: Table, step: str) -> _Read:
    """The last one is so many times the greatest that a step of the history told."""
    name, where, times = table.need("of", str), table.get("at", str, step), table.need("times", float)
    table.done()

    def over(view: View) -> Verdict:
        greatest = max((_number(one.facet(name)) for one in view.before if one.step == where), default=0)
        value = _number(view.last.facet(name))
        if value < times * greatest:  # a longer history would not make it less
            return None
        return (
            Lack(view.lack)
            if view.lack
            else f"at least {amount(name, value)}, before always less than {amount(name, 2 * greatest)}"
        )

    return over, (Facet(step, name, number=True), Facet(where, name, number=True))


def _read_share(table: Table, step: str) -> _Read:
    name, where = table.need("of", str), table.need("in", str)
    least = table.need("at_least", float)
    table.done()
    other, _, number = where.partition(".")

    def share(view: View) -> Verdict:
        whole = max((_number(one.facet(number)) for one in view.around if one.step == other), default=0)
        count = len({one.facet(name) for one in view.recent})
        return f"{count} of {whole:.0f} {words(name)} in the {other}" if whole and count >= least * whole else None

    return share, (Facet(step, name), Facet(other, number, number=True))


def _read_alike(table: Table, step: str) -> _Read:
    name, differ = table.need("of", str), table.texts("differ", need=True)
    table.done()

    def alike(view: View) -> Verdict:
        others = [
            one for one in (*view.past, *view.recent) if all(one.facet(key) != view.last.facet(key) for key in differ)
        ]
        twin = twins(view.last.facet(name), (one.facet(name) for one in others))
        return f"{view.last.facet(name)} looks like {twin}, from elsewhere" if twin is not None else None

    return alike, tuple(Facet(step, key) for key in (name, *differ))


_TABLED: dict[str, Callable[[Table, str], _Read]] = {"alike": _read_alike, "over": _read_over, "share": _read_share}


def _number(text: str) -> float:
    return float(text) if text else 0.0
