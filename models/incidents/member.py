"""One finding as an incident keeps it: how bad, where, when, on whose behalf, and what else may hang on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, NamedTuple

import orjson

from ..errors import ConfigError, TriptychError
from ..events import Alert, Layer, PrincipalKind, Severity, TimelineEntry

__all__ = ["Link", "LinkKind", "Member", "MemberError", "Windows", "from_json", "newest", "of_alert", "to_json"]

LinkKind = Literal["trace", "conversation", "workload", "principal"]

_MOST_ENTRIES = 40
_OF_ONE_HOST: frozenset[PrincipalKind] = frozenset({"os_user", "peer"})  # the same number on another host is another
_HOUR_NS = 3_600 * 10**9


class MemberError(TriptychError):
    """A remembered finding that this version cannot read: M09."""

    code = "M09"


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How far apart in event time two findings may begin and still belong together, nanoseconds, by what they share.

    A shared trace has no window: it is one turn, however late its findings come.
    """

    conversation_ns: int = 24 * _HOUR_NS
    workload_ns: int = _HOUR_NS
    principal_ns: int = _HOUR_NS

    def __post_init__(self) -> None:
        if min(self.conversation_ns, self.workload_ns, self.principal_ns) < 0:
            raise ConfigError("a window of an incident is negative", "0 turns grouping by it off")

    def of(self, kind: LinkKind) -> int | None:
        """None where no time is too long."""
        return None if kind == "trace" else int(getattr(self, f"{kind}_ns"))


class Link(NamedTuple):
    """What findings of one incident share."""

    kind: LinkKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """The newest revision of one finding. `ids` are those of its rules, `cited` its techniques and OWASP tags; of its
    timeline the lines that matter are kept."""

    uid: str
    sequence: int
    closed: bool = False
    title: str = ""
    message: str = ""
    severity: Severity = "unknown"
    risk: float = 0.0
    confidence: int = 0
    started_ns: int = 0
    ended_ns: int = 0
    cluster: str = ""
    host: str = ""
    workload: str = ""
    server: str = ""
    tool: str = ""
    agent: str = ""
    principal_kind: PrincipalKind = "unknown"
    principal: str = ""
    correlation_id: str = ""
    conversation: str = ""
    ids: tuple[str, ...] = ()
    cited: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()

    @property
    def rank(self) -> tuple[bool, int]:
        """Which of two revisions counts. A worker that takes a turn over may need fewer of them to its last word than
        the one before it told updates; and whatever updates a finding that is closed is followed by its end again."""
        return self.closed, self.sequence

    def links(self) -> Iterator[Link]:
        """What else may belong to the same incident."""
        if self.correlation_id:
            yield Link("trace", self.correlation_id)
        if self.conversation:
            yield Link("conversation", self.conversation)
        if self.workload:
            yield Link("workload", self.workload)
        if self.principal:
            place = f"{self.cluster}/{self.host}/" if self.principal_kind in _OF_ONE_HOST else ""
            yield Link("principal", f"{place}{self.principal_kind}:{self.principal}")


def of_alert(alert: Alert) -> Member:
    """What an incident keeps of a finding."""
    coverage = alert.coverage
    layers: tuple[Layer, ...] = ("agent", "protocol", "execution")
    return Member(
        uid=alert.finding_uid,
        sequence=alert.sequence,
        closed=alert.activity == "close",
        title=alert.title,
        message=alert.message,
        severity=alert.severity,
        risk=alert.risk,
        confidence=alert.confidence,
        started_ns=alert.started_ns,
        ended_ns=alert.ended_ns,
        cluster=alert.cluster,
        host=alert.host,
        workload=alert.workload,
        server=alert.server.id,
        tool=alert.tool or "",
        agent=alert.agent or "",
        principal_kind=alert.principal.kind,
        principal=alert.principal.id,
        correlation_id=alert.correlation_id,
        conversation=alert.conversation,
        ids=tuple(hit.id for hit in alert.rules),
        cited=tuple(dict.fromkeys(one for hit in alert.rules for one in (*hit.attacks, *hit.tags))),
        labels=alert.labels,
        layers=tuple(layer for layer in layers if getattr(coverage, layer)),
        timeline=_worth_telling(alert),
    )


def newest(revisions: Iterable[Member]) -> Member:
    """The finding as its revisions tell it, with the highest number of all: what hangs on it never goes back. Needs at
    least one."""
    known = tuple(revisions)
    return replace(max(known, key=lambda member: member.rank), sequence=max(member.sequence for member in known))


def _worth_telling(alert: Alert) -> tuple[TimelineEntry, ...]:
    kept = sorted(range(len(alert.timeline)), key=lambda index: (not alert.timeline[index].notable, index))
    return tuple(alert.timeline[index] for index in sorted(kept[:_MOST_ENTRIES]))


def to_json(member: Member) -> bytes:
    """Equal members give equal bytes."""
    return orjson.dumps(asdict(member), option=orjson.OPT_SORT_KEYS)


def from_json(data: bytes) -> Member:
    """The member that to_json() wrote; fields that this version does not know are left out. Raises MemberError."""
    try:
        told: dict[str, Any] = orjson.loads(data)
        plain = {field.name: told[field.name] for field in fields(Member) if field.name in told}
        entries = tuple(TimelineEntry(**entry) for entry in plain.pop("timeline", ()))
        texts = {name: tuple(value) for name, value in plain.items() if isinstance(value, list)}
        return Member(**{**plain, **texts, "timeline": entries})
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise MemberError(f"a remembered finding cannot be read: {error}") from error
