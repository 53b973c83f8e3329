"""A story as the producers tell it: each step is one HTTP exchange of either protocol era, and what the kernel saw.

The words of a step stand in the README. What a story does not say is ordinary.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal
from uuid import NAMESPACE_OID, uuid5

from triptych.models import testing
from triptych.models.events import CallRef, Effect, ExecutionBatch, ExecutionDetail, ExecutionEvent, ProtocolEvent
from triptych.producers.gateway.clock import Now
from triptych.producers.gateway.observer.ledger import Call

from .gateway import BOOT, HOST, KEY, Gate

__all__ = ["ERAS", "Era", "Event", "Teller", "steps_of"]

Era = Literal["legacy", "modern"]
Event = ProtocolEvent | ExecutionBatch
Step = Mapping[str, Any]
Json = dict[str, Any]
ERAS: tuple[Era, ...] = ("legacy", "modern")

_START_NS = testing.START_NS
_BOOTED_NS = _START_NS - 90 * 86_400 * 10**9
_VERSION = {"legacy": "2025-11-25", "modern": "2026-07-28"}
_LASTS_S = 0.5
_META = "io.modelcontextprotocol/"
_VERBS: Mapping[str, Callable[..., Effect]] = {
    "read": testing.read,
    "write": testing.write,
    "exec": testing.exec_,
    "connect": testing.connect,
    "send": testing.send,
    "receive": testing.receive,
    "dns": testing.dns,
    "escape": testing.escape,
    "change": testing.change,
}
_OF_DETAIL = frozenset({"via", "layer", "links"})
_SHARED = {one.name for one in fields(Effect)} & {one.name for one in fields(ExecutionEvent)}


def steps_of(told: Iterable[Step]) -> Iterator[Step]:
    """The steps, those with `times` repeated one `every_s`, `{n}` in their texts being the number."""
    for step in told:
        every_s = step.get("every_s", 1.0)
        for number in range(step.get("times", 1)):
            text = json.dumps({name: value for name, value in step.items() if name not in ("times", "every_s")})
            repeated: Json = json.loads(text.replace("{n}", str(number)))
            yield {**repeated, "at_s": step.get("at_s", 0.0) + number * every_s}


@dataclass
class Teller:
    """Tells steps in one era. `allow`: the tools that the operator allows, all of them unless said."""

    era: Era
    allow: list[str] | None = None
    _gates: dict[str, Gate] = field(default_factory=dict)
    _opened: set[tuple[str, str, str]] = field(default_factory=set)
    _count: int = 0

    def tell(self, step: Step) -> Iterator[Event]:
        """The events of one step, in the order of their times."""
        gate = self._gates.setdefault(server := step.get("server", "files"), Gate(server, self.allow))
        at_s: float = step["at_s"]
        if "blinded" in step:
            yield self._batch(gate, at_s, status="blinded", features=tuple(step["blinded"]))
        elif step.get("background"):
            yield self._effects(gate, at_s, step, ())
            yield self._batch(gate, at_s + 2 * _LASTS_S, status="heartbeat")
        else:
            if self.era == "legacy" and "session_id" not in step:
                yield from self._handshake(gate, step)
            yield from self._exchange(gate, step, self._asked(step), self._answered(step))

    def _handshake(self, gate: Gate, step: Step) -> Iterator[Event]:
        """A legacy session begins when it is first used, and again with another version of the server."""
        opening = (step.get("server", "files"), _session(step), step.get("version", "1.4.0"))
        if opening in self._opened:
            return
        self._opened.add(opening)
        params = {"protocolVersion": _VERSION["legacy"], "capabilities": {}, "clientInfo": _client(step)}
        result = {"protocolVersion": _VERSION["legacy"], "capabilities": {"tools": {}}, "serverInfo": _server(step)}
        before = {**step, "did": (), "status": 200, "at_s": step["at_s"] - 0.2, "host": "gate.test", "ambiguous": False}
        ask = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        yield from self._exchange(gate, before, ask, {"jsonrpc": "2.0", "id": 0, "result": result}, opens=True)
        yield from self._exchange(gate, before, {"jsonrpc": "2.0", "method": "notifications/initialized"}, None)

    def _asked(self, step: Step) -> Json:
        self._count += 1
        params: Json = dict(step.get("params", {}))
        if "call" in step:
            params |= {"name": step["call"], "arguments": step.get("arguments", {})}
        if turn := step.get("turn"):
            trace, span = uuid5(NAMESPACE_OID, turn).hex, f"{self._count:016x}"
            params["_meta"] = {"traceparent": f"00-{trace}-{span}-01"}
        if self.era == "modern":
            params["_meta"] = {
                **params.get("_meta", {}),
                _META + "protocolVersion": _VERSION["modern"],
                _META + "clientInfo": _client(step),
                _META + "clientCapabilities": {},
                **({} if "token_only" in step else {"baggage": f"gen_ai.conversation.id={_session(step)}"}),
            }
        method = "tools/call" if "call" in step else "tools/list" if "list" in step else step["method"]
        return {"jsonrpc": "2.0", "id": self._count, "method": method, "params": params}

    def _answered(self, step: Step) -> Json:
        if "error" in step:
            return {"jsonrpc": "2.0", "id": self._count, "error": {"code": step["error"], "message": "no"}}
        result: Json = dict(step.get("result", {}))
        if "list" in step:
            result["tools"] = [{"inputSchema": {"type": "object"}, **tool} for tool in step["list"]]
        elif "call" in step and not result:
            text = step.get("text", "fine") + "x" * step.get("padding", 0)
            result = {"content": [{"type": "text", "text": text}], "isError": step.get("failed", False)}
        if self.era == "modern":
            result = {"resultType": "complete", "_meta": {_META + "serverInfo": _server(step)}, **result}
        return {"jsonrpc": "2.0", "id": self._count, "result": result}

    def _exchange(
        self, gate: Gate, step: Step, asked: Json, answer: Json | None, *, opens: bool = False
    ) -> Iterator[Event]:
        at_s, body = step["at_s"], json.dumps(asked).encode()
        if step.get("ambiguous"):
            body = b'{"method":"ping",' + body[1:]
        gate.now = _now(at_s)
        watch, calls = gate.asks(self._head(step, asked, body), body, step.get("from", "198.51.100.7"))
        yield from gate.events()
        if step.get("did"):
            yield self._effects(gate, at_s, step, calls)
        if watch is None:
            return
        gate.now = _now(at_s + (_LASTS_S if answer and not opens else 0.01))
        gate.answers(watch, *_response(step, answer, opens=opens))
        yield from gate.events()
        yield self._batch(gate, at_s + 2 * _LASTS_S, status="heartbeat")

    def _head(self, step: Step, asked: Json, body: bytes) -> bytes:
        headers = {
            "Host": step.get("host", "gate.test"),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "User-Agent": step.get("agent", "desk/1.2"),
            "Authorization": f"Bearer {_token(step)}",
        }
        if self.era == "legacy":
            headers["MCP-Protocol-Version"] = _VERSION["legacy"]
            if asked["method"] != "initialize":
                headers["Mcp-Session-Id"] = step.get("session_id") or _session_id(step)
        else:
            headers |= {"MCP-Protocol-Version": _VERSION["modern"], "Mcp-Method": asked["method"]}
            name = asked["params"].get("name") or asked["params"].get("taskId")
            headers |= {"Mcp-Name": name} if name else {}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST /mcp HTTP/1.1\r\n{lines}\r\n".encode()

    def _effects(self, gate: Gate, at_s: float, step: Step, calls: Iterable[Call]) -> ExecutionBatch:
        refs = tuple(CallRef(call_id=call.call_id, correlation_id=call.correlation_id) for call in calls)
        told = [{**one, **_numbered(one, number)} for one in step["did"] for number in range(one.get("times", 1))]
        events = tuple(_event(dict(one), at_s + 0.01 * (place + 1), bool(refs)) for place, one in enumerate(told))
        return self._batch(gate, at_s + 0.1, calls=refs, events=events)

    def _batch(self, gate: Gate, at_s: float, **values: Any) -> ExecutionBatch:
        self._count += 1
        now = _now(at_s)
        return ExecutionBatch(
            event_id=str(uuid5(NAMESPACE_OID, f"{gate.workload}/{at_s}/{self._count}")),
            workload=gate.workload,
            wall_ns=now.wall_ns,
            mono_ns=now.mono_ns,
            boot_id=BOOT,
            host=HOST,
            key_id=KEY.key_id,
            **values,
        )


def _event(told: Json, at_s: float, leased: bool) -> ExecutionEvent:
    """An effect as the sensor tells it of one call, or of none."""
    told.pop("times", None)
    detail = {name: told.pop(name) for name in _OF_DETAIL & told.keys()}
    verb = next(verb for verb in _VERBS if verb in told)
    if detail:
        told["detail"] = ExecutionDetail(**detail)
    effect = _VERBS[verb](told.pop(verb), **told)
    values = {name: getattr(effect, name) for name in _SHARED} | {"mono_ns": _now(at_s).mono_ns}
    stamp = {"calls": (0,), "binding": "exact", "evidence": "leased"} if leased else {"binding": "none"}
    values |= {"digests": tuple(KEY.digest(one) for one in (effect.path, effect.address) if one), **stamp}
    return ExecutionEvent(**values)


def _numbered(one: Json, number: int) -> Json:
    return {name: value.replace("{i}", str(number)) for name, value in one.items() if isinstance(value, str)}


def _response(step: Step, answer: Json | None, *, opens: bool) -> tuple[bytes, bytes]:
    """Head and body; what the server says besides its answer makes a stream of it."""
    if answer is None:
        return b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", b""
    status = step.get("status", 200)
    said = [*step.get("also", ()), answer] if not opens else [answer]
    streamed = len(said) > 1
    texts = [json.dumps(one).encode() for one in said]
    body = b"".join(b"data: %b\n\n" % text for text in texts) if streamed else texts[0]
    body = b"" if status >= 400 and "error" not in step else body
    media = "text/event-stream" if streamed else "application/json"
    session = f"Mcp-Session-Id: {_session_id(step)}\r\n" if opens else ""
    head = f"HTTP/1.1 {status} Said\r\nContent-Type: {media}\r\n{session}Content-Length: {len(body)}\r\n\r\n"
    return head.encode(), body


def _now(at_s: float) -> Now:
    wall = _START_NS + round(at_s * 1e9)
    return Now(wall, wall - _BOOTED_NS)


def _session(step: Step) -> str:
    return str(step.get("session", "attack"))


def _session_id(step: Step) -> str:
    return str(uuid5(NAMESPACE_OID, _session(step)))


def _client(step: Step) -> Json:
    return {"name": step.get("client", "desk"), "version": "1.2"}


def _server(step: Step) -> Json:
    return {"name": "a server", "version": step.get("version", "1.4.0")}


def _token(step: Step) -> str:
    """A JWT of whom the step is by, with the claims that it tells; its signature is nobody's."""
    claims = {"sub": step.get("by", "ann"), "jti": step.get("token", "first"), **step.get("claims", {})}
    parts = [json.dumps(part).encode() for part in ({"alg": "ES256", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"unsigned"))
