"""Evidence and observables of a finding in OCSF's words: one object for each thing a layer saw."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Sequence
from dataclasses import fields

from .events import Alert, Effect, ExecutionDetail
from .ocsf_terms import Json, has

__all__ = ["evidences", "observables", "of_effect"]


_MOST_OBSERVABLES = 40
_LARGEST_WIDELY_KNOWN = 10  # of observables: readers of 1.5.0 take the later ones for errors
_OF_FILES = frozenset({"open", "io", "change", "descriptor"})
_NO_DETAIL = ExecutionDetail()
_PLACED = frozenset({"name", "sha256"})
_SCOPES = {"inside": (1, "Internal"), "outside": (2, "External")}
_VERDICTS = {"test": (6, "Test"), "verdict:true": (2, "True Positive"), "verdict:false": (1, "False Positive")}
_PROTOCOLS = {"tcp": 6, "udp": 17}
_OBSERVED: tuple[tuple[str, str, int, str], ...] = (
    ("dst_endpoint", "ip", 2, "IP Address"),
    ("dst_endpoint", "hostname", 1, "Hostname"),
    ("file", "path", 45, "File Path"),
    ("process", "name", 9, "Process Name"),
    ("process", "cmd_line", 13, "Command Line"),
)


def evidences(alert: Alert, most: int, version: str) -> list[Json]:
    """At most `most` evidences in OCSF's `version`, what rules point at first, in event time."""
    pointed_at = {entry.source for entry in alert.timeline if entry.notable}
    effects = [effect for effect in alert.effects if effect.kind not in ("fork", "exit", "unknown")]
    ranked = sorted(effects, key=lambda effect: (effect.source not in pointed_at, effect.sensitivity is None))
    found = [*_agent(alert, has(version, "1.9.0")), *_calls(alert)]
    chosen = ranked[: max(0, most - len(found))]
    found += [of_effect(effect, version) for effect in sorted(chosen, key=lambda effect: effect.wall_ns)]
    return [{**evidence, **_verdict(alert)} for evidence in found[:most]]


def _verdict(alert: Alert) -> Json:
    """What the labels say: a test is never taken for real, whatever anyone says of it."""
    number, caption = next((said for label, said in _VERDICTS.items() if label in alert.labels), (0, ""))
    return {"verdict_id": number, "verdict": caption} if number else {}


def _agent(alert: Alert, ai_agent: bool) -> Iterator[Json]:
    if not alert.agent:
        return
    source = next((entry.source for entry in alert.timeline if entry.layer == "agent"), alert.event_id)
    evidence: Json = {"name": "agent", "uid": source}
    if ai_agent:
        agent = {"name": alert.agent, "uid": alert.agent, "type_id": 0, "type": "Unknown"}
        yield {**evidence, "ai_agent": agent, "data": {"conversation": alert.conversation}}
    else:  # before 1.9 there is no object for agents: a user of type "AI Agent", as OWASP AOS does
        user = {"name": alert.agent, "uid": alert.agent, "type_id": 99, "type": "AI Agent"}
        yield {**evidence, "actor": {"user": user}}


def _calls(alert: Alert) -> Iterator[Json]:
    """One evidence for each call, from its request in the timeline."""
    seen: set[str] = set()
    for entry in alert.timeline:
        if entry.layer != "protocol" or entry.call_id in seen or entry.call_id not in alert.call_ids:
            continue
        seen.add(entry.call_id)
        operation, _, tool = entry.title.partition(" ")
        server = alert.server.id or "unknown"
        service: Json = {"name": server, "uid": server, "version": alert.server.claimed_version or "unknown"}
        request: Json = {"uid": entry.call_id, "flags": ["redacted"]}
        if tool:
            request["data"] = {"tool": tool}
        api = {"operation": operation, "service": service, "request": request}
        yield {"name": "protocol", "uid": entry.source, "api": api}


def of_effect(effect: Effect, version: str) -> Json:
    """One effect as evidence: its process, and the file, peer or name it was about."""
    evidence: Json = {"name": f"execution:{effect.kind}", "uid": effect.source, "process": _process(effect)}
    if effect.kind in _OF_FILES and effect.path:
        name = os.path.basename(effect.path) or effect.path  # noqa: PTH119 - text, no file of this machine
        evidence["file"] = {"name": name, "path": effect.path, "type_id": 0, "type": "Unknown"}
    if effect.address:
        inbound = effect.kind in {"accept", "listen"}
        evidence["src_endpoint" if inbound else "dst_endpoint"] = _endpoint(effect, version)
        evidence["connection_info"] = _connection(effect, inbound=inbound)
    if effect.detail is not None and effect.detail.name:
        evidence["query"] = {"hostname": effect.detail.name}
    data: Json = {"binding": effect.binding, "declared": effect.declared}
    if effect.sensitivity:
        data["sensitivity"] = effect.sensitivity
    if effect.kind in {"flow", "io"}:
        data |= {"bytes_out": effect.bytes_out, "bytes_in": effect.bytes_in}
    if effect.detail is not None:
        data |= _detail(effect.detail)
    return {**evidence, "data": data}


def _detail(detail: ExecutionDetail) -> Json:
    """What a detail says beyond its defaults and what has a place of its own."""
    told = {field.name: getattr(detail, field.name) for field in fields(detail) if field.name not in _PLACED}
    return {name: value for name, value in told.items() if value != getattr(_NO_DETAIL, name)}


def _process(effect: Effect) -> Json:
    process: Json = {"pid": effect.pid, "name": effect.comm or "unknown"}
    if effect.kind == "exec":
        process["cmd_line"] = " ".join(effect.arguments) or effect.path or ""
        process["path"] = effect.path or ""
        if effect.path and effect.detail is not None and effect.detail.sha256:
            name = os.path.basename(effect.path) or effect.path  # noqa: PTH119 - text, no file of this machine
            digest = {"algorithm_id": 3, "algorithm": "SHA-256", "value": effect.detail.sha256}
            file = {"name": name, "path": effect.path, "type_id": 0, "type": "Unknown", "hashes": [digest]}
            process["file"] = file
    return process


def _endpoint(effect: Effect, version: str) -> Json:
    endpoint: Json = {}
    try:
        endpoint["ip"] = str(ipaddress.ip_address((effect.address or "").split("%", 1)[0]))
    except ValueError:
        endpoint["hostname"] = effect.address
    if effect.port is not None and 0 <= effect.port <= 65535:
        endpoint["port"] = effect.port
    if has(version, "1.6.0") and (scope := _SCOPES.get(effect.destination or "")):
        endpoint["network_scope_id"], endpoint["network_scope"] = scope
    return endpoint


def _connection(effect: Effect, *, inbound: bool) -> Json:
    connection: Json = (
        {"direction_id": 1, "direction": "Inbound"} if inbound else {"direction_id": 2, "direction": "Outbound"}
    )
    if number := _PROTOCOLS.get(effect.protocol or ""):
        connection |= {"protocol_name": effect.protocol, "protocol_num": number}
    return connection


def observables(alert: Alert, evidence: Sequence[Json], version: str) -> list[Json]:
    """What an analyst searches for, each value once, named by where it stands in the finding."""
    largest = 99 if has(version, "1.6.0") else _LARGEST_WIDELY_KNOWN
    found: dict[tuple[int, str], Json] = {}
    for index, item in enumerate(evidence):
        for owner, field, type_id, caption in _OBSERVED:
            value = item.get(owner, {}).get(field)
            if value:
                type_id = type_id if type_id <= largest else 99  # noqa: PLW2901
                name = f"evidences[{index}].{owner}.{field}"
                found.setdefault((type_id, value), {"name": name, "type_id": type_id, "type": caption, "value": value})
    resource = {"name": "resources[0].uid", "type_id": 10, "type": "Resource UID", "value": alert.workload}
    return [*list(found.values())[:_MOST_OBSERVABLES], *([resource] if alert.workload else [])]
