"""What was told already, by group and hour, so that the same thing is told once and a flood is told as a flood. Pure.

Event time only. The ledger is shared through the store as hashes of small records; every record may be written twice,
and what another worker wrote is taken over where it is further.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import orjson

from ..errors import ConfigError

__all__ = ["Admission", "Claim", "Ledger", "Limits", "Note", "Told"]

_HOUR_NS = 3_600_000_000_000
_DAY_NS = 24 * _HOUR_NS
_MOST = 20_000  # claims, findings and floods each
_HOURS = 4

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`window_ns`: for how long the same hit is the same finding. `update_ns`: how long an update of it waits for more.
    `per_rule`, `per_entity`: new findings an hour, of one rule and of one workload."""

    window_ns: int = _HOUR_NS
    update_ns: int = 300_000_000_000
    per_rule: int = 100
    per_entity: int = 20

    def __post_init__(self) -> None:
        if not 0 < self.update_ns <= self.window_ns or self.per_rule < 1 or self.per_entity < 1:
            raise ConfigError(
                f"updates every {self.update_ns} ns in a window of {self.window_ns} ns, "
                f"{self.per_rule} findings a rule and {self.per_entity} an entity",
                "the window is at least as long as the time between updates; at least one finding an hour",
            )


class Claim(NamedTuple):
    """Whose finding a key belongs to, since when, and for how long."""

    uid: str
    since_ns: int
    window_ns: int


class Told(NamedTuple):
    """A finding as it was told last. `turns` showed it; `layers` has one bit a layer."""

    since_ns: int
    told_ns: int
    sequence: int
    severity: int
    layers: int
    turns: int

    def and_then(self, other: Told) -> Told:
        """Both, as they were told: of each figure what is further. It began when this one says."""
        return self._replace(
            told_ns=max(self.told_ns, other.told_ns),
            sequence=max(self.sequence, other.sequence),
            severity=max(self.severity, other.severity),
            layers=self.layers | other.layers,
            turns=max(self.turns, other.turns),
        )


class Admission(NamedTuple):
    """A new finding that was let through in its hour."""

    rule: str
    entity: str
    severity: int


class Note(NamedTuple):
    """One field of one hash of the store."""

    name: str
    field: str
    value: bytes


class Ledger:
    """Claims and findings by server, admissions and floods by hour. In the store those of a server stand by day, so
    that what is read for a call does not grow with the age of its server."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._claims: dict[tuple[str, str], Claim] = {}
        self._told: dict[str, Told] = {}
        self._hours: dict[str, dict[str, Admission]] = {}
        self._floods: dict[tuple[str, str], int] = {}
        self._notes: dict[tuple[str, str], Note] = {}

    def names(self, servers: Iterable[str], at_ns: Iterable[int]) -> tuple[str, ...]:
        """The hashes to ask the store for: no claim is older than a day."""
        times = set(at_ns)
        days = sorted({_day(at + near) for at in times for near in (-_DAY_NS, 0, self._limits.window_ns)})
        told = (f"{_of(server)}:{day}" for server in sorted(set(servers)) for day in days)
        return (*told, *sorted({_hour(at) for at in times}))

    def learn(self, hashes: Mapping[str, Mapping[str, bytes]]) -> None:
        """Take over what other workers told."""
        for name, fields in hashes.items():
            for field, value in fields.items():
                kind, _, key = field.partition("/")
                record = orjson.loads(value)
                if kind == "claim":
                    self._merge_claim((name.rpartition(":")[0], key), Claim(*record))
                elif kind == "told":
                    self._merge_told(key, Told(*record))
                elif kind == "admitted":
                    self._hours.setdefault(name, {})[key] = Admission(*record)
                else:
                    self._floods[name, key] = max(record, self._floods.get((name, key), 0))

    def drain(self) -> tuple[Note, ...]:
        """What must be written, each field once."""
        notes = tuple(self._notes.values())
        self._notes.clear()
        return notes

    def claim(self, server: str, key: str, at_ns: int) -> Claim | None:
        """Whose a hit of that time is. One that comes late belongs to the same finding."""
        found = self._claims.get((_of(server), key))
        return found if found is not None and at_ns < found.since_ns + found.window_ns else None

    def keep_claim(self, server: str, key: str, claim: Claim) -> None:
        _keep(self._claims, (_of(server), key), claim)
        self._note(f"{_of(server)}:{_day(claim.since_ns)}", f"claim/{key}", claim)

    def told(self, uid: str) -> Told | None:
        return self._told.get(uid)

    def keep_told(self, server: str, uid: str, told: Told) -> None:
        _keep(self._told, uid, told)
        self._note(f"{_of(server)}:{_day(told.since_ns)}", f"told/{uid}", told)

    def admitted(self, at_ns: int, severity: int) -> Iterator[Admission]:
        """What was let through in that hour and is at least as bad: noise uses up no room of what is worse."""
        return (one for one in self._hours.get(_hour(at_ns), {}).values() if one.severity >= severity)

    def knows(self, at_ns: int, uid: str) -> bool:
        """Whether this finding was let through already: after a crash it is asked again."""
        return uid in self._hours.get(_hour(at_ns), {})

    def admit(self, at_ns: int, uid: str, admission: Admission) -> None:
        name = _hour(at_ns)
        self._hours.setdefault(name, {})[uid] = admission
        while len(self._hours) > _HOURS:
            del self._hours[min(self._hours)]
        self._note(name, f"admitted/{uid}", admission)

    def flood(self, at_ns: int, subject: str) -> int:
        """How many findings of that hour were held back for `subject`, with this one."""
        name = _hour(at_ns)
        count = self._floods.get((name, subject), 0) + 1
        _keep(self._floods, (name, subject), count)
        self._note(name, f"flood/{subject}", count)
        return count

    def _note(self, name: str, field: str, value: tuple[str | int, ...] | int) -> None:
        record = value if isinstance(value, int) else [*value]
        self._notes[name, field] = Note(name, field, orjson.dumps(record))

    def _merge_claim(self, place: tuple[str, str], theirs: Claim) -> None:
        """The earlier of two claims of one window stands, else the later one."""
        ours = self._claims.get(place)
        same_window = ours is not None and abs(theirs.since_ns - ours.since_ns) < theirs.window_ns
        if ours is None or (min if same_window else max)(ours.since_ns, theirs.since_ns) == theirs.since_ns:
            _keep(self._claims, place, theirs)

    def _merge_told(self, uid: str, theirs: Told) -> None:
        ours = self._told.get(uid, theirs)
        since_ns = min(ours.since_ns, theirs.since_ns)
        _keep(self._told, uid, ours.and_then(theirs)._replace(since_ns=since_ns))


def _keep(held: dict[K, V], key: K, value: V) -> None:
    """Newest last; the oldest goes first."""
    held.pop(key, None)
    held[key] = value
    if len(held) > _MOST:
        del held[next(iter(held))]


def _of(server: str) -> str:
    return f"told:{server}"


def _day(at_ns: int) -> int:
    return at_ns // _DAY_NS


def _hour(at_ns: int) -> str:
    return f"hour:{at_ns // _HOUR_NS}"
