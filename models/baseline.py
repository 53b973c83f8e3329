"""What one tool server normally does: for every fact, how many distinct sessions and principals showed it.

Facts are text keys, so a baseline is sets of digests under keys and learning twice changes nothing. Secrets and cloud
metadata are asked about but never learned as normal, and one principal alone can make nothing known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from .acting import changed, is_outside, sent_outside
from .editions import edition_keys
from .events import Call, Effect, LearningState
from .keys import REMEMBERED, key_of, path_class, place_of
from .lately import Lately
from .sources import source_keys
from .statements import statement_key, statements

__all__ = [
    "EDGE",
    "PROVISIONAL",
    "Baseline",
    "BaselineView",
    "Support",
    "action_of",
    "actions_before",
    "argument_keys",
    "argument_keys_key",
    "child_key",
    "definition_key",
    "deny_to_learn",
    "destination_key",
    "edge_keys",
    "egress_key",
    "habit_key",
    "is_action",
    "is_outside",
    "keys_of",
    "learned_keys",
    "listen_key",
    "path_class",
    "path_class_key",
    "sensitive_key",
    "size_keys",
    "tool_definitions_key",
    "tool_key",
    "turn_keys",
    "value_key",
]

PROVISIONAL = 40
ACTIVE = 160
QUORUM = 2
EDGE = 3  # actions in the longest order
_ACTIONS = frozenset({"resources/read", "prompts/get"})


@dataclass(frozen=True, slots=True)
class Support:
    """How many distinct sessions and principals showed a fact."""

    sessions: int = 0
    principals: int = 0


_NEVER = Support()


@dataclass(frozen=True, slots=True)
class BaselineView:
    """What one server's baseline says of the keys that were looked up; every other key was never seen."""

    server: str
    sessions: int = 0
    principals: int = 0
    supports: Mapping[str, Support] = field(default_factory=dict)

    @property
    def state(self) -> LearningState:
        """How far the evidence carries: counted in sessions and principals, never in hours."""
        if self.sessions < PROVISIONAL or self.principals < QUORUM:
            return "learning"
        return "provisional" if self.sessions < ACTIVE else "active"

    def support(self, key: str) -> Support:
        return self.supports.get(key, _NEVER)

    def known(self, key: str) -> bool:
        """Whether two principals showed it; one is enough only while the server has no second one."""
        return self.support(key).principals >= min(QUORUM, max(self.principals, 1))

    def count(self, key: str) -> int:
        """Sessions that showed a known fact; 0 for an unknown one, so that repeating alone convinces nobody."""
        return self.support(key).sessions if self.known(key) else 0


class Baseline:
    """One server's baseline in memory, for training, replay and tests; the store keeps the same sets outside."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._principal: dict[str, str] = {}
        self._owners: Counter[str] = Counter()
        self._sessions: dict[str, set[str]] = {}
        self._principals: dict[str, Counter[str]] = {}

    def learn(self, session: str, principal: str, keys: Iterable[str]) -> None:
        """Add the facts of one session. A session belongs to the principal that opened it."""
        if session not in self._principal:
            self._principal[session] = principal
            self._owners[principal] += 1
        owner = self._principal[session]
        for key in keys:
            sessions = self._sessions.setdefault(key, set())
            if session not in sessions:
                sessions.add(session)
                self._principals.setdefault(key, Counter())[owner] += 1

    def view(self, keys: Iterable[str], *, without: Collection[str] = ()) -> BaselineView:
        """The view of `keys`, as if the sessions `without` had never been learned."""
        supports = {key: self._support(key, without) for key in keys}
        left_out = self._principal.keys() & set(without)
        total = self._without(self._owners, left_out)
        return BaselineView(self.server, total.sessions, total.principals, supports)

    def _support(self, key: str, without: Collection[str]) -> Support:
        sessions = self._sessions.get(key, set())
        return self._without(self._principals.get(key, Counter()), sessions.intersection(without))

    def _without(self, principals: Counter[str], left_out: Collection[str]) -> Support:
        """Of so many sessions by principal, those that remain."""
        if not left_out:
            return Support(principals.total(), len(principals))
        gone = Counter(self._principal[session] for session in left_out)
        return Support(principals.total() - len(left_out), sum(count > gone[who] for who, count in principals.items()))


def action_of(call: Call) -> str:
    """What a call did, in one word: its tool, else its method; `background` for effects without a call."""
    return call.tool or call.method or "background"


def is_action(call: Call) -> bool:
    """Whether a call asked the server to do something, so that it counts in the order of a turn and is scored. Lists,
    handshakes, notifications and effects without a call are left to the rules."""
    return call.state != "background" and (call.tool is not None or call.method in _ACTIONS)


@lru_cache(REMEMBERED)
def tool_key(tool: str) -> str:
    return key_of("tool", tool)


def habit_key(principal: str, tool: str = "") -> str:
    """This principal used the tool; without one, the server."""
    return key_of("habit", principal, tool)


def listen_key(tool: str) -> str:
    """The tool opened a socket that waits for callers."""
    return key_of("listen", tool)


def egress_key(tool: str) -> str:
    """The tool contacted anything outside."""
    return key_of("egress", tool)


@lru_cache(REMEMBERED)
def destination_key(tool: str, address: str, port: int | None) -> str:
    return key_of("to", tool, address, str(port or 0))


@lru_cache(REMEMBERED)
def path_class_key(tool: str, directory: str) -> str:
    """`directory` is a path_class()."""
    return key_of("path", tool, directory)


def sensitive_key(tool: str, sensitivity: str) -> str:
    return key_of("sensitive", tool, sensitivity)


def child_key(tool: str, exe: str) -> str:
    return key_of("child", tool, exe)


def definition_key(tool: str, digest: str) -> str:
    """The server described the tool in exactly this way."""
    return key_of("definition", tool, digest)


def tool_definitions_key(tool: str) -> str:
    """The server described the tool in any way."""
    return key_of("defined", tool)


def argument_keys_key(tool: str, keys: Iterable[str]) -> str:
    """The tool was called with exactly this set of top-level argument names."""
    return key_of("keys", tool, ",".join(sorted(set(keys))))


def value_key(tool: str, pointer: str, digest: str) -> str:
    """The value stood at this place of this tool's arguments; an empty tool and pointer mean anywhere on the server."""
    return key_of("value", tool, place_of(pointer), digest)


def size_keys(kind: str, tool: str, size: int) -> tuple[str, ...]:
    """One rung for every power of two up to `size`, the highest last: the support of a rung is the number of sessions
    that reached it. `kind`: bytes in or out, or files changed."""
    return _rungs(kind, tool, max(size, 0).bit_length())


@lru_cache(REMEMBERED)
def _rungs(kind: str, tool: str, many: int) -> tuple[str, ...]:
    return tuple(key_of("size", kind, tool, str(rung)) for rung in range(1, many + 1))


@lru_cache(REMEMBERED)
def edge_keys(actions: tuple[str, ...]) -> tuple[str, ...]:
    """Keys of the orders that end in the last action, shortest first: its pair and its triple, each after its context.
    `^` stands before the first action of a turn."""
    padded = ("^",) * (EDGE - 1) + actions[-EDGE:]
    grams = (padded[-length:] for length in range(2, EDGE + 1))
    return tuple(key for gram in grams for key in (key_of("before", *gram[:-1]), key_of("edge", *gram)))


def argument_keys(call: Call) -> frozenset[str]:
    """Names of the top-level arguments of a call."""
    return frozenset(fact.pointer.split("/")[1] for fact in call.arguments if fact.pointer.startswith("/"))


@Lately
def keys_of(call: Call) -> tuple[str, ...]:
    """Everything one call by itself asks of its server's baseline, each key once."""
    tool = action_of(call)
    keys = [tool_key(tool), argument_keys_key(tool, argument_keys(call)), *size_keys("in", tool, call.request_size)]
    for fact in call.arguments:
        for digest in fact.digests:
            keys += (value_key(tool, fact.pointer, digest), value_key("", "", digest))
    keys += (*source_keys(call, tool), *edition_keys(call))
    keys += (statement_key(tool, *named) for named in statements(call))
    if who := call.principal.id:
        keys += (habit_key(who), habit_key(who, tool))
    for definition in call.tools:
        keys += (tool_definitions_key(definition.name), definition_key(definition.name, definition.digest))
    keys += (*size_keys("out", tool, sent_outside(call)), *size_keys("changed", tool, changed(call.effects)))
    for effect in call.effects:
        keys += _effect_keys(tool, effect)
    return tuple(dict.fromkeys(keys))


def learned_keys(call: Call) -> tuple[str, ...]:
    """The part of keys_of() that may become normal."""
    denied = {key for effect in call.effects if deny_to_learn(effect) for key in _effect_keys(action_of(call), effect)}
    keys = keys_of(call)
    return tuple(key for key in keys if key not in denied) if denied else keys


def turn_keys(calls: Sequence[Call], server: str, *, learned: bool = False) -> tuple[str, ...]:
    """Everything the calls of one turn ask of `server`'s baseline, with the order of the actions. Calls on other
    servers give only the context of an order."""
    one = learned_keys if learned else keys_of
    keys = [key for call in calls if call.server.id == server for key in one(call)]
    actions = [call for call in calls if is_action(call)]
    for index, call in enumerate(actions):
        if call.server.id == server:
            keys += edge_keys(actions_before(actions, index))
    return tuple(dict.fromkeys(keys))


def actions_before(calls: Sequence[Call], index: int) -> tuple[str, ...]:
    """The actions up to and with `index` that its order looks at, as its server sees them: foreign ones carry the name
    of their server. `calls` are actions only."""
    here = calls[index].server.id
    recent = calls[max(0, index - EDGE + 1) : index + 1]
    return tuple(
        action_of(call) if call.server.id == here else f"{call.server.id}:{action_of(call)}" for call in recent
    )


def deny_to_learn(effect: Effect) -> bool:
    """Whether an effect must never become normal, however often it is seen."""
    return effect.sensitivity is not None or effect.destination == "metadata"


def _effect_keys(tool: str, effect: Effect) -> tuple[str, ...]:
    keys: list[str] = []
    if effect.kind == "open" and effect.path and effect.result >= 0:
        keys.append(path_class_key(tool, path_class(effect.path)))
    if effect.kind == "exec" and effect.path:
        keys.append(child_key(tool, effect.path))
    if effect.sensitivity is not None:
        keys.append(sensitive_key(tool, effect.sensitivity))
    if effect.address and effect.kind not in {"accept", "listen"}:
        keys.append(destination_key(tool, effect.address, effect.port))
    if effect.kind == "listen":
        keys.append(listen_key(tool))
    if is_outside(effect):
        keys.append(egress_key(tool))
    return tuple(keys)
