"""Changes of models as audit events: who let which model judge, in place of which, and why not."""

from __future__ import annotations

import getpass

from ...models.changes import Change
from ...models.model import Manifest
from ..brokers import Broker
from ..changes import publish
from ..settings import Settings

__all__ = ["promoted", "refused", "rolled_back", "tell", "trained"]

_WORKER = "worker"


def tell(broker: Broker, settings: Settings, change: Change) -> None:
    """Raises BrokerError K13."""
    publish(broker.client(), [change], tenant=settings.findings.tenant, version=settings.findings.ocsf_version)


def trained(manifest: Manifest) -> Change:
    """A worker trained it, because a server was seen by enough sessions."""
    said = f"trained on {manifest.turns} turns of {manifest.sessions} sessions"
    return Change(
        kind="model", subject=manifest.model_id, action="create", after=manifest.sha256[:16], reason=said, by=_WORKER
    )


def promoted(name: str, before: str, *, forced: bool) -> Change:
    reason = "promoted without its trial" if forced else "promoted"
    return Change(kind="model", subject=name, action="update", before=before, after=name, reason=reason, by=_user())


def refused(name: str, before: str, reason: str) -> Change:
    return Change(kind="model", subject=name, action="refuse", before=before, after=before, reason=reason, by=_user())


def rolled_back(name: str, before: str) -> Change:
    return Change(
        kind="model", subject=name, action="update", before=before, after=name, reason="rolled back", by=_user()
    )


def _user() -> str:
    return getpass.getuser()
