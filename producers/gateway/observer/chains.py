"""Multi round-trip requests (MCP 2026-07-28): a result that requires input, and the retries that bring it.

Servers must take requestState for the sender's word; here it is known from whose result it came, and for which request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .asks import input_requests
from .parse import compact
from .recent import Recent

if TYPE_CHECKING:
    from .ledger import Call
    from .observe import Message

__all__ = ["Chains", "States"]

_METHODS = frozenset({"tools/call", "prompts/get", "resources/read"})
_MOST = 2048
_MOST_KEYS = 256
_MOST_METHODS = 16


class Chain:
    """One request over all its tries, by the first of them."""

    __slots__ = ("arguments", "asked", "complete", "conversation", "method", "root", "tool")

    def __init__(self, first: Call) -> None:
        self.root = first.call_id
        self.conversation = first.conversation
        self.method, self.tool, self.arguments = first.method, first.tool, first.arguments
        self.asked: set[int] = set()  # hashes of the keys under which input was required
        self.complete = False


class States:
    """The latest chains of one server, by what a retry can show of them."""

    def __init__(self) -> None:
        self.by_state: Recent[str, Chain] = Recent(_MOST)
        self.by_request: Recent[tuple[str, str, str | None, str | None], Chain] = Recent(_MOST)
        self.by_target: Recent[tuple[str, str, str | None], Chain] = Recent(_MOST)


class Chains:
    """One conversation's. `digest` is keyed, `named` gives what may be published of a name."""

    def __init__(
        self,
        states: States,
        digest: Callable[[str | bytes], str],
        named: Callable[[str], str],
    ) -> None:
        self._states, self._digest, self._named = states, digest, named

    def request(self, message: Message) -> None:
        """Of the client: whether it continues one."""
        params = message.shape.params
        if "requestState" not in params and "inputResponses" not in params:
            return
        if message.call is None or message.shape.partial or message.call.method not in _METHODS:
            return
        chain = self._found(message, message.call)
        if chain is None:
            return
        if chain.complete:
            message.note("request-state-replayed", "after a complete result")
        if changed := _changed(chain, message.call):
            message.note("retry-changed", changed)
        self._answers(message, chain)
        _continue(message, message.call, chain)

    def reply(self, message: Message) -> None:
        """Of the server: whether it requires input, or is the end of a chain."""
        call, result = message.call, message.shape.body.get("result")
        if call is None or not isinstance(result, dict):
            return
        if result.get("resultType") == "input_required":
            self._required(message, call, result)
        elif call.memory is not None and (chain := call.memory.get("chain")):
            chain.complete = True

    def _found(self, message: Message, call: Call) -> Chain | None:
        """The chain that a retry belongs to, by its state or else by its request."""
        state = message.shape.params.get("requestState")
        if state is None:
            chain = self._states.by_request.get((call.conversation, call.method, call.tool, call.arguments))
            chain = chain or self._states.by_target.get((call.conversation, call.method, call.tool))
            if chain is None:
                message.note("input-responses-unasked", "no result required input")
            return chain
        digest = message.facts["request_state_digest"] = self._digest(_text(state))
        chain = self._states.by_state.get(digest)
        if chain is None:
            message.note("request-state-unknown", "never issued through this gateway")
        elif chain.conversation != call.conversation:
            message.note("request-state-unknown", "issued to another conversation")
        return chain

    def _answers(self, message: Message, chain: Chain) -> None:
        responses = message.shape.params.get("inputResponses")
        if isinstance(responses, dict):
            strange = sum(hash(key) not in chain.asked for key in responses)
            if strange:
                message.note("input-responses-unasked", f"{strange} of {len(responses)} were never required")

    def _required(self, message: Message, call: Call, result: dict[str, Any]) -> None:
        chain = call.memory.get("chain") if call.memory is not None else None
        if chain is None:
            chain = Chain(call)
            _continue(message, call, chain)
        requests = result.get("inputRequests")
        if isinstance(requests, dict):
            chain.asked.update(hash(key) for key in list(requests)[: _MOST_KEYS - len(chain.asked)])
        methods = {self._named(method) for method, _ in input_requests(result)}
        message.facts["input_requests"] = sorted(methods)[:_MOST_METHODS]
        state = result.get("requestState")
        if state is None:
            self._states.by_request.put((call.conversation, call.method, call.tool, chain.arguments), chain)
            self._states.by_target.put((call.conversation, call.method, call.tool), chain)
        else:
            digest = message.facts["request_state_digest"] = self._digest(_text(state))
            self._states.by_state.put(digest, chain)


def _continue(message: Message, call: Call, chain: Chain) -> None:
    """All further events of the call name the root of its chain."""
    call.memory = {**(call.memory or {}), "chain": chain}
    call.facts = {**(call.facts or {}), "root_call_id": chain.root}
    message.facts["root_call_id"] = chain.root


def _changed(chain: Chain, call: Call) -> str:
    pairs = (("method", chain.method, call.method), ("tool", chain.tool, call.tool))
    changed = [name for name, before, now in pairs if before != now]
    if chain.arguments != call.arguments:
        changed.append("arguments")
    return ", ".join(changed)


def _text(state: object) -> str | bytes:
    return state if isinstance(state, str) else compact(state)
