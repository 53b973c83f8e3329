"""Settings to what judges: rules in all their forms, hygiene, and their keeping up to date while a worker runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from ...models.changes import Change
from ...models.errors import TriptychError
from ...models.hygiene import Exemptions, Hygiene, Limits
from ...streams.judgement import Judge, Judging
from ..brokers import Broker
from ..customrules.rules import PythonRules
from ..customrules.sandbox import Budget
from ..customrules.store import AskingStore
from ..settings import Settings
from .audit import Audit, Log
from .exceptions import ExceptionsReloading
from .reloading import Reloading
from .ruleset import Ruleset

__all__ = ["asking", "auditing", "judge", "judging", "python_rules", "reloading", "rules_at_start"]

log = structlog.get_logger(__name__)


def judging(settings: Settings) -> Judging:
    return Judging(
        tenant=settings.findings.tenant,
        labels=settings.findings.labels,
        alert_risk=settings.model.alert_risk,
        ocsf_version=settings.findings.ocsf_version,
    )


def judge(settings: Settings, rules: Ruleset) -> Judge:
    """Raises HygieneError D13 for exceptions that cannot be meant."""
    limits = Limits(per_rule=settings.findings.most_per_rule, per_entity=settings.findings.most_per_workload)
    hygiene = Hygiene(limits, Exemptions.load(settings.findings.exceptions))
    return Judge(judging(settings), rules.book, others=(rules.sigma,), hygiene=hygiene)


def python_rules(settings: Settings, rules: Ruleset) -> PythonRules:
    return PythonRules(rules.python, Budget(call_s=settings.findings.rule_budget_ms / 1000))


def asking(settings: Settings, rules: Ruleset, store: Any) -> AskingStore:
    """The store, and the Python rules beside it."""
    return AskingStore(store, python_rules(settings, rules))


def rules_at_start(settings: Settings) -> tuple[Ruleset, Sequence[Change]]:
    """The rules a worker begins with, and what is to be told: a file that cannot be meant is left out alone. Raises
    PinError D21 and ConfigError."""
    left_out: list[Change] = []

    def aside(file: Path, error: TriptychError) -> None:
        log.error("rule left out", file=str(file), code=error.code, error=error.what, hint=error.hint)
        left_out.append(Change(kind="rule", subject=str(file), action="refuse", reason=error.what))

    return Ruleset.load(settings.findings.rules, aside=aside), left_out


def auditing(settings: Settings, broker: Broker, known: Log, owed: Sequence[Change] = ()) -> Audit:
    """What tells of changes that `known` has not seen told, and of those that are owed already."""
    findings = settings.findings

    def tell(changed: Sequence[Change]) -> None:
        from ..changes import publish  # noqa: PLC0415 - a replay loads this without a broker

        publish(broker.client(), changed, tenant=findings.tenant, version=findings.ocsf_version)

    return Audit(tell, known, owed)


def reloading(
    settings: Settings, rules: Ruleset, current: Judge, store: AskingStore, audit: Audit
) -> tuple[Callable[[], Awaitable[bool]], ...]:
    """What keeps a worker's rules and exceptions as they stand in their files, and tells of every change."""
    findings = settings.findings

    def use(new: Ruleset) -> None:
        current.use(new.book, (new.sigma,))
        store.use(python_rules(settings, new))

    exceptions = Exemptions.load(findings.exceptions)
    return (
        Reloading(findings.rules, rules, use, audit).run_if_due,
        ExceptionsReloading(findings.exceptions, exceptions, current.exempt, audit).run_if_due,
    )
