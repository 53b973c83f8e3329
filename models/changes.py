"""A change of what judges - a rule, a model, an exception - as an audit event: OCSF Entity Management (class 3004).

One line of JSON, `time` first; the same change, by its number or else by its time, has the same id.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from . import topics
from .ocsf_terms import harmless, product
from .text import clean

__all__ = ["Change", "Kind", "between", "render"]

Kind = Literal["rule", "model", "exception", "finding"]

_NAMESPACE = uuid.UUID("0f2a6c0e-5c0d-5b8e-9a55-6f0b61a2c2d4")
_ACTIVITY = {"create": (1, "Create"), "update": (3, "Update"), "delete": (4, "Delete"), "refuse": (99, "Refused")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`kind` of thing and its id changed; `before`, `after`: its version or digest; `by`: who, as far as is known;
    `number`: which change of it this is, where they are counted."""

    kind: Kind
    subject: str
    action: Literal["create", "update", "delete", "refuse"]
    before: str = ""
    after: str = ""
    reason: str = ""
    by: str = ""
    number: int = 0


def between(kind: Kind, before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """What is new, gone or different, by subject its version."""
    return [
        Change(
            kind=kind,
            subject=subject,
            action="create" if subject not in before else "update" if subject in after else "delete",
            before=before.get(subject, ""),
            after=after.get(subject, ""),
        )
        for subject in sorted(before.keys() | after.keys())
        if before.get(subject) != after.get(subject)
    ]


def render(change: Change, *, tenant: str, version: str, at_ns: int) -> bytes:
    """`version`: of OCSF; `at_ns`: Unix epoch."""
    activity_id, activity = _ACTIVITY[change.action]
    refused = change.action == "refuse"
    subject = clean(change.subject)
    name = f"{tenant}/{change.kind}/{subject}/{change.action}/{change.before}/{change.after}/{change.number or at_ns}"
    event = {
        "time": at_ns // 1_000_000,
        "class_uid": 3004,
        "class_name": "Entity Management",
        "category_uid": 3,
        "category_name": "Identity & Access Management",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": 300_400 + activity_id,
        "type_name": f"Entity Management: {'Other' if activity_id == 99 else activity}",
        "severity_id": 3 if refused else 1,
        "severity": "Medium" if refused else "Informational",
        "status_id": 2 if refused else 1,
        "status": "Failure" if refused else "Success",
        "message": clean(", ".join(filter(None, (f"{change.kind} {subject}: {activity.lower()}", change.reason)))),
        "entity": {"uid": subject, "name": subject, "type": change.kind, "version": clean(change.before)},
        "entity_result": {"uid": subject, "name": subject, "type": change.kind, "version": clean(change.after)},
        "actor": {"user": {"name": clean(change.by) or "unknown"}},
        "metadata": {
            "version": version,
            "uid": str(uuid.uuid5(_NAMESPACE, name)),
            "log_name": topics.AUDIT,
            "log_provider": "triptych",
            "tenant_uid": tenant,
            "product": product(),
        },
    }
    return orjson.dumps(harmless(event))
