"""The [window] of a rule: whose sightings count together, over which time, and what there must be of each step.

Read as strictly as the rest of a rule. The last need is completed by a sighting; all the others must hold by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .checks import ANY, Check, Facet, read_checks
from .entities import ENTITIES
from .moments import Past
from .sightings import Reach
from .subjects import FIELDS, Field
from .table import Table

__all__ = ["Need", "Window", "read_window"]

_MOST = 256
_BOUND = 4096
_DEDUP_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What must have been seen of one step within the span."""

    step: str
    count: int
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Times in microseconds. `facets`: by step what a sighting tells. With a grain equal sightings within one grain are
    one, at the time of the first; `grained` are the steps that this is so of. Findings of one `dedup` are one."""

    by: tuple[str, ...]
    past: Past
    reach: Reach
    grained: frozenset[str]
    dedup_us: int
    needs: tuple[Need, ...]
    facets: Mapping[str, Mapping[str, Field]]

    @property
    def span_us(self) -> int:
        return self.reach.span_us

    @property
    def least(self) -> int:
        """With fewer sightings it cannot be complete."""
        return self.reach.least


def read_window(table: Table, on: Mapping[str, str]) -> Window:
    """The window in `table`; `on` says of each step what it is on."""
    past = Past(_us(table, "span_s"), _us(table, "history_s", 0.0), table.get("most", int, _MOST), _mature(table))
    grain, dedup = _us(table, "grain_s", 0.0), _us(table, "dedup_s", _DEDUP_S)
    _check_times(table, past)
    needs, asked = _needs(table, on, past)
    window = Window(
        by=_by(table),
        past=past,
        reach=_reach(past, grain, needs),
        grained=_grained(table, on) if grain else frozenset(),
        dedup_us=max(dedup, past.span_us),
        needs=needs,
        facets={step: _facets(table, on[step], names) for step, names in asked.items()},
    )
    table.done()
    _check_counts(table, window)
    return window


def _reach(past: Past, grain_us: int, needs: Iterable[Need]) -> Reach:
    """Every step needs its own sightings."""
    least: dict[str, int] = {}
    for need in needs:
        least[need.step] = max(need.count, least.get(need.step, 0))
    return Reach(
        most=past.most,
        keep_s=(past.span_us + past.history_us) // 1_000_000 + 1,
        least=sum(least.values()),
        span_us=past.span_us,
        back_us=past.history_us,
        grain_us=grain_us,
    )


def _us(table: Table, key: str, default: float | None = None) -> int:
    seconds = table.need(key, float) if default is None else table.get(key, float, default)
    if seconds < 0:
        raise table.error(f"{table.at(key)} is {seconds:g}", "a time is not negative")
    return round(seconds * 1e6)


def _by(table: Table) -> tuple[str, ...]:
    by = table.texts("by", need=True)
    if unknown := [name for name in by if name not in ENTITIES]:
        raise table.error(f"{table.at('by')}: unknown entity {unknown[0]!r}", f"allowed: {', '.join(ENTITIES)}")
    return by


def _mature(table: Table) -> tuple[str, int] | None:
    if not table.has("mature"):
        return None
    inner = table.table("mature")
    names = inner.rest()
    if len(names) != 1:
        raise inner.error(f"{inner.where} names {len(names)} facets", "one facet and how many values it needs")
    mature = (names[0], inner.need(names[0], int))
    inner.done()
    return mature


def _grained(table: Table, on: Mapping[str, str]) -> frozenset[str]:
    steps = table.texts("grain_steps")
    if unknown := [step for step in steps if step not in on]:
        raise table.error(f"{table.at('grain_steps')}: there is no step {unknown[0]!r}", f"allowed: {', '.join(on)}")
    return frozenset(steps or on)


def _needs(table: Table, on: Mapping[str, str], past: Past) -> tuple[tuple[Need, ...], dict[str, set[str]]]:
    """The needs, and the facets that each step must tell for them."""
    entries = table.tables("need")
    if not entries:
        raise table.error(f"{table.at('need')} is missing", "a window has at least one [[window.need]]")
    needed = {entry.get("step", str, "") for entry in entries}
    witnesses = [step for step in on if step not in needed] or [*on]  # steps that only tell how mature a history is
    asked: dict[str, set[str]] = {step: {past.mature[0]} if past.mature and step in witnesses else set() for step in on}
    needs = []
    for entry in entries:
        step = entry.choice("step", on)
        checks = read_checks(entry, step, past)
        needs.append(Need(step=step, count=_least(entry), checks=tuple(check for check, _ in checks)))
        for facet in (facet for _, facets in checks for facet in facets):
            if facet.step not in (ANY, *on):
                raise entry.error(f"{entry.where}: there is no step {facet.step!r}", f"allowed: {', '.join(on)}")
            for told in on if facet.step == ANY else (facet.step,):
                asked[told].add(facet.name)
                _check_kind(entry, facet, on[told])
        entry.done()
    return tuple(needs), asked


def _check_kind(entry: Table, facet: Facet, on: str) -> None:
    known = {**FIELDS["call"], **FIELDS.get(on, {})}.get(facet.name)
    if facet.number and known is not None and known.kind != "number":
        raise entry.error(f"{entry.where}: {facet.name} is a {known.kind} field", "count `distinct` ones of it")


def _least(need: Table) -> int:
    """So many sightings it takes, if only to show so many different ones."""
    distinct: dict[str, int] = need.get("distinct", dict, {})
    return max(need.get("count", int, 1), *distinct.values(), 0)


def _facets(table: Table, on: str, names: Iterable[str]) -> dict[str, Field]:
    known = {**FIELDS["call"], **FIELDS.get(on, {})}
    if unknown := [name for name in names if name not in known]:
        raise table.error(f"{table.where}: {on} has no field {unknown[0]!r}", f"allowed: {', '.join(sorted(known))}")
    return {name: known[name] for name in sorted(names)}


def _check_times(table: Table, past: Past) -> None:
    if past.span_us <= 0 or (past.history_us and past.history_us <= past.span_us):
        raise table.error(
            f"{table.where}: a span of {past.span_us / 1e6:g} s in a history of {past.history_us / 1e6:g} s",
            "0 < span_s < history_s, or no history_s",
        )
    if past.mature and not past.history_us:
        raise table.error(f"{table.at('mature')} needs a history", "set history_s")


def _check_counts(table: Table, window: Window) -> None:
    counts = [need.count for need in window.needs]
    if not 0 < min(counts) <= max(counts) <= window.past.most <= _BOUND:
        raise table.error(
            f"{table.where}: {max(counts)} sightings cannot be counted among {window.past.most}",
            f"1 <= count <= most <= {_BOUND}",
        )
