"""What the kernel and the agent's own spans say of one call, relative to what its tool normally does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from . import baseline as base
from .acting import changed, changes, is_outside, sent_outside
from .baseline import BaselineView
from .events import AgentSpan, Call, Effect
from .sizes import size_surprise

__all__ = [
    "LISTENING",
    "execution",
    "is_unannounced",
    "new_children",
    "new_destinations",
    "new_doors",
    "new_paths",
    "undeclared_actions",
    "unlearnable_opens",
]

LISTENING = ("", 0)
"""In the place of a destination: a socket that waits for callers."""


def execution(call: Call, view: BaselineView) -> dict[str, float]:
    """The execution features of one call."""
    counts = {name: float(len(found(call, view))) for name, found in _COUNTED.items()}
    amounts = {"sent_outside": ("out", sent_outside(call)), "changed_files": ("changed", changed(call.effects))}
    return counts | {name: _rarity(kind, call, amount, view) for name, (kind, amount) in amounts.items()}


def new_paths(call: Call, view: BaselineView) -> tuple[str, ...]:
    """Classes of directories the tool opened and never did before."""
    tool = base.action_of(call)
    opened = (effect.path for effect in call.effects if effect.kind == "open" and effect.path and effect.result >= 0)
    classes = dict.fromkeys(map(base.path_class, opened))
    return tuple(name for name in classes if not view.known(base.path_class_key(tool, name)))


def unlearnable_opens(call: Call, _view: BaselineView) -> tuple[str, ...]:
    """Sensitive files the call opened although no argument named them."""
    opened = (e for e in call.effects if e.kind == "open" and e.sensitivity is not None and not e.declared)
    return tuple(dict.fromkeys(effect.path or "" for effect in opened))


def new_destinations(call: Call, view: BaselineView) -> tuple[tuple[str, int], ...]:
    """Outside addresses and ports the tool never contacted before, those left out that the user named."""
    contacted = (effect for effect in call.effects if is_outside(effect) and not _is_wished(effect, call))
    return _unknown(contacted, call, view)


def new_doors(call: Call, view: BaselineView) -> tuple[tuple[str, int], ...]:
    """Inside addresses and ports the tool never tried before, and LISTENING where it never waited for callers."""
    tried = (effect for effect in call.effects if effect.kind == "connect" and not is_outside(effect))
    listens = any(effect.kind == "listen" for effect in call.effects)
    waits = listens and not view.known(base.listen_key(base.action_of(call)))
    return (*_unknown(tried, call, view), *((LISTENING,) if waits else ()))


def new_children(call: Call, view: BaselineView) -> tuple[str, ...]:
    tool = base.action_of(call)
    started = dict.fromkeys(effect.path for effect in call.effects if effect.kind == "exec" and effect.path)
    return tuple(path for path in started if not view.known(base.child_key(tool, path)))


def undeclared_actions(call: Call, view: BaselineView) -> tuple[str, ...]:
    """Writes into unknown directories and contacts with unknown addresses that no argument named."""
    acting = [e for e in call.effects if not e.declared]
    wrote = [e.path for e in acting if e.path and changes(e)]
    reached = {f"{e.address}:{e.port or 0}" for e in acting if is_outside(e)}
    fresh = new_paths(call, view) if wrote else ()
    unknown = [f"{address}:{port}" for address, port in new_destinations(call, view)] if reached else ()
    written = [path for path in wrote if base.path_class(path) in fresh]
    return tuple(dict.fromkeys([*written, *(to for to in unknown if to in reached)]))


def is_unannounced(call: Call, spans: Sequence[AgentSpan]) -> bool:
    """Whether the agent told of a later tool call and not of this one. Before that, its span may still be on the way;
    the span of the whole run says nothing of the order in which its parts arrive."""
    told = [span for span in spans if span.tool]
    if not call.tool or not told or call.ended_ns > max(span.ended_ns for span in told):
        return False
    return all(span.tool != call.tool for span in told)


def _rarity(kind: str, call: Call, amount: int, view: BaselineView) -> float:
    """Bits beyond the first: most calls send and change nothing, and what every second session of a tool does is not
    rare for that."""
    return max(size_surprise(kind, call, amount, view) - 1, 0.0)


def _unknown(contacts: Iterable[Effect], call: Call, view: BaselineView) -> tuple[tuple[str, int], ...]:
    tool = base.action_of(call)
    to = dict.fromkeys((effect.address or "", effect.port or 0) for effect in contacts)
    return tuple(one for one in to if not view.known(base.destination_key(tool, *one)))


def _is_wished(effect: Effect, call: Call) -> bool:
    """Whether an argument named the destination, and all addresses among the arguments came from the prompt."""
    named = [fact.origin == "prompt" for fact in call.arguments if fact.kind in {"url", "host"}]
    return effect.declared and bool(named) and all(named)


_Found = Callable[[Call, BaselineView], Sequence[object]]
_COUNTED: Mapping[str, _Found] = {
    "new_paths": new_paths,
    "secret_opens": unlearnable_opens,
    "new_destinations": new_destinations,
    "new_doors": new_doors,
    "new_children": new_children,
    "undeclared_actions": undeclared_actions,
}
