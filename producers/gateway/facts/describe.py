"""Observed messages to protocol events: the envelope, and the facts that may leave the gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ....models.digest import Keyring
from ....models.events import DispatchMode, Lease, Principal, ProtocolEvent, Server, StreamSpan
from ..observer.claims import Claims, text
from ..observer.framing import Frame
from ..observer.ledger import Call
from ..observer.observe import CLIENT, Message
from .budget import Budget
from .definitions import tool_definitions
from .redact import Redactor

__all__ = ["Connection", "Describer", "Now"]

_WITH_ARGUMENTS = frozenset({"tools/call", "prompts/get"})
_REMEMBERED = frozenset({"tools/call", "resources/read", "prompts/get"})


@dataclass(frozen=True, slots=True)
class Now:
    """One instant on both clocks."""

    wall_ns: int
    mono_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What the gateway knows by itself: the same for every event of one connection."""

    instance: str
    workload: str
    boot_id: str
    host: str
    cluster: str
    principal: Principal
    server: Server
    inodes: tuple[int, int] = (0, 0)  # of the pipes towards the server and from it
    dispatch_mode: DispatchMode = "concurrent"


class Describer:
    """Makes the events of one connection, numbered in the order of the calls to it."""

    def __init__(self, connection: Connection, keyring: Keyring, redactor: Redactor, new_id: Callable[[], str]) -> None:
        self.connection = connection
        self._keyring = keyring
        self._redact, self._public = redactor, redactor.named
        self._new_id = new_id
        self._sequence = 0
        self._lost = 0
        self._read: tuple[Frame | None, Budget] = (None, Budget())
        self._named: tuple[str | None, str | None, Server] = (None, None, connection.server)

    def lost(self, count: int = 1) -> None:
        """Events that were not made or could not be kept; the next one says so."""
        self._lost += count

    def message(self, message: Message, now: Now, lease: Lease = "none") -> ProtocolEvent:
        """The event of a message. Requests are described as they are forwarded: `now` starts their latency."""
        shape, frame, call, claims = message.shape, message.frame, message.call, message.claims
        if message.begins is not None:
            message.begins.dispatched_ns = now.mono_ns
        reply = shape.kind in ("response", "error")
        facts = self._facts(message) if shape.described else {}
        towards_server = message.direction == CLIENT
        return ProtocolEvent(
            **self._envelope(now, lease, claims),
            **(self._of_call(call) if call else self._of_connection(message)),
            **facts,
            direction=message.direction,
            kind=shape.kind,
            method=self._public.optional(call.method if call and reply else text(shape.body.get("method"))),
            jsonrpc_id=self._public.identifier(shape.body["id"], shape.lexeme) if shape.lexeme is not None else None,
            size=frame.size,
            inspected=len(frame.data),
            digest=self._keyring.digest(frame.data),
            anomalies=tuple(sorted(shape.anomalies)),
            span=StreamSpan(inode=self.connection.inodes[not towards_server], start=frame.start, end=frame.end),
            in_flight=message.begins.in_flight if message.begins else (),
            latency_ns=now.mono_ns - call.dispatched_ns if call and reply and call.dispatched_ns else None,
        )

    def incident(
        self, anomalies: tuple[str, ...], now: Now, lease: Lease, claims: Claims, call: Call | None = None
    ) -> ProtocolEvent:
        """Something that happened to the transport, and to `call` by it."""
        return ProtocolEvent(
            **self._envelope(now, lease, claims),
            **(self._of_call(call) if call else {}),
            kind="transport",
            method=self._public(call.method) if call else None,
            anomalies=tuple(sorted(anomalies)),
        )

    def _envelope(self, now: Now, lease: Lease, claims: Claims) -> dict[str, Any]:
        known = self.connection
        self._sequence += 1
        lost, self._lost = self._lost, 0
        return {
            "event_id": self._new_id(),
            "workload": known.workload,
            "wall_ns": now.wall_ns,
            "mono_ns": now.mono_ns,
            "boot_id": known.boot_id,
            "host": known.host,
            "cluster": known.cluster,
            "producer": "gateway:" + known.instance,
            "sequence": self._sequence,
            "lost_before": lost,
            "key_id": self._keyring.key_id,
            "connection_id": known.instance,
            "claimed_client": self._public.optional(claims.client),
            "capabilities": tuple(map(self._public, claims.capabilities)),
            "principal": known.principal,
            "server": self._server(claims),
            "dispatch_mode": known.dispatch_mode,
            "lease": lease,
        }

    def _server(self, claims: Claims) -> Server:
        name, version, server = self._named
        if (name, version) != (claims.server_name, claims.server_version):
            name, version = claims.server_name, claims.server_version
            shown = self._public
            server = replace(
                self.connection.server, claimed_name=shown.optional(name), claimed_version=shown.optional(version)
            )
            self._named = (name, version, server)
        return server

    def _facts(self, message: Message) -> dict[str, Any]:
        budget = self._budget(message.frame)
        reply = message.shape.kind in ("response", "error")
        facts = self._reply(message, budget) if reply else self._request(message, budget)
        if budget.exceeded:
            message.shape.anomalies.add("partly-scanned")
        return facts

    def _budget(self, frame: Frame) -> Budget:
        """One for all the messages of a batch."""
        if self._read[0] is not frame:
            self._read = (frame, Budget())
        return self._read[1]

    def _request(self, message: Message, budget: Budget) -> dict[str, Any]:
        shape = message.shape
        if shape.kind == "invalid" or shape.partial:
            return {}
        arguments = shape.params.get("arguments") if shape.body["method"] in _WITH_ARGUMENTS else None
        return {
            "arguments": self._redact.arguments(arguments, message.conversation) if arguments else (),
            "secrets": self._redact.secrets(shape.params, budget),
        }

    def _reply(self, message: Message, budget: Budget) -> dict[str, Any]:
        body, call = message.shape.body, message.call
        if "error" in body:
            return {
                "is_error": True,
                "error_code": _code(body["error"]),
                "secrets": self._redact.secrets(body["error"], budget),
            }
        result = body.get("result")
        if not isinstance(result, dict):
            return {"is_error": False}
        facts: dict[str, Any] = {
            "is_error": result.get("isError") is True,
            "result_type": self._public.optional(text(result.get("resultType"))),
            "result": self._redact.result(result),
        }
        if call is not None and call.method == "tools/list":
            return facts | {"tools": tool_definitions(result.get("tools"), budget, self._public)}
        remembered = call is not None and call.method in _REMEMBERED
        shown_by = (call.conversation, call.call_id) if call and remembered else None
        return facts | {"secrets": self._redact.secrets(result, budget, shown_by)}

    def _of_call(self, call: Call) -> dict[str, Any]:
        return {
            "correlation_id": call.correlation_id,
            "call_id": call.call_id,
            "conversation": call.conversation,
            "conversation_source": call.conversation_source,
            "era": call.era,
            "era_evidence": call.era_evidence,
            "protocol_version": self._public.optional(call.version),
            "trace_source": call.trace_source,
            "parent_span_id": call.parent_span_id,
            "tool": self._public.optional(call.tool),
            "resource_digest": call.resource_digest,
        }

    def _of_connection(self, message: Message) -> dict[str, Any]:
        trace, claims = message.meta.trace, message.claims
        return {
            "correlation_id": trace.trace_id if trace else "",
            "conversation": message.conversation,
            "conversation_source": message.conversation_source,
            "era": claims.era,
            "era_evidence": claims.evidence,
            "protocol_version": self._public.optional(claims.version),
            "trace_source": "meta" if trace else "minted",
            "parent_span_id": trace.parent_span_id if trace else None,
        }


def _code(error: object) -> int | None:
    """The error code where it fits the schema's 32 bits."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) and -(2**31) <= code < 2**31 else None
