"""Settings to what judges: rules in all their forms, hygiene, and their keeping up to date while a worker runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ...models.changes import Change
from ...models.hygiene import Exemptions, Hygiene, Limits
from ...streams.judgement import Judge, Judging
from ..brokers import Broker
from ..customrules.rules import PythonRules
from ..customrules.sandbox import Budget
from ..customrules.store import AskingStore
from ..settings import Settings
from .audit import Audit
from .exceptions import ExceptionsReloading
from .reloading import Reloading
from .ruleset import Ruleset

__all__ = ["asking", "judge", "judging", "python_rules", "reloading"]


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


def reloading(
    settings: Settings, rules: Ruleset, current: Judge, store: AskingStore, broker: Broker
) -> tuple[Callable[[], Awaitable[bool]], ...]:
    """What keeps a worker's rules and exceptions as they stand in their files, and tells of every change."""
    findings = settings.findings

    def use(new: Ruleset) -> None:
        current.use(new.book, (new.sigma,))
        store.use(python_rules(settings, new))

    def tell(changed: Sequence[Change]) -> None:
        from ..changes import publish  # noqa: PLC0415 - a replay loads this without a broker

        publish(broker.client(), changed, tenant=findings.tenant, version=findings.ocsf_version)

    audit = Audit(tell)
    exceptions = Exemptions.load(findings.exceptions)
    return (
        Reloading(findings.rules, rules, use, audit).run_if_due,
        ExceptionsReloading(findings.exceptions, exceptions, current.exempt, audit).run_if_due,
    )
