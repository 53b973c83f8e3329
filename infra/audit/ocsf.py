"""A trail as OCSF events, one line each: API Activity (6003) for a call, File (1001), Network (4001), DNS (4003) and
Process Activity (1007) for its effects, Detection Finding (2004) for findings. Pure; in event time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ...models import ocsf
from ...models.events import Call, Effect, ExecutionKind
from ...models.ocsf_evidence import of_effect
from ...models.ocsf_terms import Json, check_version, ms, product, shortened
from .trail import Trail

__all__ = ["render"]


class _Class(NamedTuple):
    uid: int
    name: str
    category_uid: int
    category: str


_API = _Class(6003, "API Activity", 6, "Application Activity")
_FILE = _Class(1001, "File System Activity", 1, "System Activity")
_PROCESS = _Class(1007, "Process Activity", 1, "System Activity")
_NETWORK = _Class(4001, "Network Activity", 4, "Network Activity")
_DNS = _Class(4003, "DNS Activity", 4, "Network Activity")
_CLASS: Mapping[ExecutionKind, _Class] = {
    "open": _FILE, "io": _FILE, "change": _FILE, "descriptor": _FILE,
    "connect": _NETWORK, "flow": _NETWORK, "accept": _NETWORK, "listen": _NETWORK, "dns": _DNS,
    "exec": _PROCESS, "fork": _PROCESS, "exit": _PROCESS, "escape": _PROCESS,
}  # fmt: skip
_ACTIVITY: Mapping[ExecutionKind, tuple[int, str]] = {
    "connect": (1, "Open"),
    "flow": (6, "Traffic"),
    "dns": (1, "Query"),
    "exec": (1, "Launch"),
    "exit": (2, "Terminate"),
}
_CHANGES = {"rename": (5, "Rename"), "unlink": (4, "Delete"), "create": (1, "Create")}


@dataclass(frozen=True, slots=True)
class _Writer:
    """Events of one tenant in one version of OCSF."""

    tenant: str
    version: str

    def event(self, of: _Class, activity: tuple[int, str], wall_ns: int, uid: str, call: Call) -> Json:
        activity_id, name = activity
        told = {"correlation_uid": call.correlation_id} if call.correlation_id else {}
        about = {"version": self.version, "uid": uid, "tenant_uid": self.tenant, "product": product()}
        return {
            "time": ms(wall_ns),
            "class_uid": of.uid,
            "class_name": of.name,
            "category_uid": of.category_uid,
            "category_name": of.category,
            "activity_id": activity_id,
            "activity_name": name,
            "type_uid": of.uid * 100 + activity_id,
            "type_name": f"{of.name}: {'Other' if activity_id == 99 else name}",
            "severity_id": 1,
            "severity": "Informational",
            "metadata": {**about, "log_provider": "triptych", **told},
        }

    def call(self, call: Call) -> Json:
        """What was asked of whom by whom; never an argument's value, which a call does not hold."""
        server = call.server.id or "unknown"
        api: Json = {
            "operation": call.method or "unknown",
            "service": {"name": server, "uid": server, "version": call.server.claimed_version or "unknown"},
            "request": {"uid": call.call_id, "data": {"tool": call.tool or ""}},
        }
        if call.error_code is not None:
            api["response"] = {"code": call.error_code}
        failed = bool(call.is_error) or call.state == "timeout" or call.action == "blocked"
        return self.event(_API, (99, call.method or "request"), call.started_ns, call.event_id, call) | {
            "start_time": ms(call.started_ns),
            "end_time": ms(max(call.started_ns, call.ended_ns)),
            "status_id": 2 if failed else 1,
            "status": "Failure" if failed else "Success",
            "actor": {"user": _user(call)},
            "api": api,
            "src_endpoint": {"hostname": (call.peer.address if call.peer else "") or _host(call)},
            "unmapped": {"mcp": _unmapped(call)},
        }

    def effect(self, call: Call, effect: Effect) -> Json | None:
        """None for what the kernel saw and no class of OCSF names."""
        of = _CLASS.get(effect.kind)
        if of is None:
            return None
        evidence = of_effect(effect, self.version)
        event = self.event(of, _activity(effect), effect.wall_ns, effect.source, call)
        event["metadata"]["profiles"] = ["host"]  # network events have actor and device by it
        return event | {
            "actor": {"process": evidence["process"], "user": _user(call)},
            "device": {"hostname": _host(call), "type_id": 0, "type": "Unknown"},
            "unmapped": {"mcp": {"call_id": call.call_id, **evidence["data"]}},
            **_object(of, effect, evidence, _host(call)),
        }


def render(trail: Trail, *, tenant: str, version: str = ocsf.DEFAULT) -> Iterator[bytes]:
    """One line of UTF-8 for each event. Raises ConfigError for an OCSF version that is not one of ocsf.VERSIONS."""
    check_version(version)
    writer = _Writer(tenant, version)
    found = [(alert.wall_ns, ocsf.render(alert, tenant=tenant, version=version)) for alert in trail.alerts]
    for wall_ns, event in _events(trail, writer):
        found.append((wall_ns, shortened(((event, cap) for cap in (1024, 128)), version)))
    for _, line in sorted(found, key=lambda event: event[0]):
        yield line


def _events(trail: Trail, writer: _Writer) -> Iterator[tuple[int, Json]]:
    """An effect that may belong to several calls happened once."""
    seen: set[str] = set()
    for call in trail.calls:
        if call.state != "background":
            yield call.started_ns, writer.call(call)
        for effect in call.effects:
            event = None if effect.source in seen else writer.effect(call, effect)
            seen.add(effect.source)
            if event is not None:
                yield effect.wall_ns, event


def _host(call: Call) -> str:
    return call.host or "unknown"


def _user(call: Call) -> Json:
    name = call.principal.id or "unknown"
    return {"name": name, "uid": f"{call.principal.kind}:{name}", "type_id": 0, "type": "Unknown"}


def _unmapped(call: Call) -> Json:
    """What OCSF has no place for, under OpenTelemetry's names where it has one."""
    told: Json = {
        "gen_ai.tool.name": call.tool,
        "gen_ai.conversation.id": call.conversation,
        "call_id": call.call_id,
        "workload": call.workload,
        "state": call.state,
        "action": call.action,
        "policy": list(call.policy),
        "anomalies": list(call.anomalies),
        "binding": call.binding,
    }
    if call.authorization is not None:
        told["authorization"] = {"scheme": call.authorization.scheme, "verified": call.authorization.verified}
    if call.placement is not None:
        named = ("pod", "namespace", "container", "image_name", "node")
        told["placement"] = {name: getattr(call.placement, name) for name in named}
    return told


def _object(of: _Class, effect: Effect, evidence: Json, host: str) -> Json:
    """What an effect was about, where its class wants it."""
    here = {"src_endpoint": {"hostname": host}}
    if of is _FILE:
        return {"file": evidence.get("file") or {"name": effect.path or "unknown", "type_id": 0, "type": "Unknown"}}
    if of is _PROCESS:
        return {"process": evidence["process"]}
    if of is _DNS:
        return {"query": {"hostname": (effect.detail.name if effect.detail else "") or "unknown"}, **here}
    ends: Json = {
        name: evidence[name] for name in ("src_endpoint", "dst_endpoint", "connection_info") if name in evidence
    }
    return ends or here


def _activity(effect: Effect) -> tuple[int, str]:
    if effect.kind in ("open", "io"):
        written = effect.bytes_out > 0 if effect.kind == "io" else effect.flags & os.O_ACCMODE != os.O_RDONLY
        return (3, "Update") if written else (2, "Read")
    if effect.kind == "change" and effect.detail is not None:
        return _CHANGES.get(effect.detail.operation, (99, effect.detail.operation or "change"))
    return _ACTIVITY.get(effect.kind, (99, effect.kind))
