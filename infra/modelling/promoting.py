"""Which model judges: a candidate is promoted when it loads, finds what it must, and cries no wolf on live turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...models.drift import Shadow
from ...models.errors import ConfigError
from ...models.tampering import finds_less
from ...streams.modelstore import ModelStore
from .errors import PromotionError

__all__ = ["Budget", "Promoted", "promote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a trial must show: so many live turns judged, and at most this share of them over the threshold."""

    turns: int = 200
    alert_rate: float = 0.01

    def __post_init__(self) -> None:
        if self.turns < 1 or not 0 < self.alert_rate < 1:
            raise ConfigError(
                f"a trial of {self.turns} turns with {self.alert_rate} of them alerting says nothing",
                "at least one turn; a share between 0 and 1, for example 0.01",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """The model that judges now, and the one before; empty for none."""

    name: str
    before: str


async def promote(store: ModelStore, name: str, budget: Budget, *, force: bool = False) -> Promoted:
    """Let the candidate judge; without a name the one there is. `force` leaves out the trial and the comparison.

    Raises ConfigError where it is no candidate, ModelError and its like where it does not load or scores its probe rows
    otherwise than in training, PromotionError M11 with every reason against it.
    """
    roles = await store.roles()
    name = name or roles.get("candidate", "")
    if not name or roles.get("candidate") != name:
        raise ConfigError(f"{name or 'nothing'} is no candidate", "triptych model train makes one; triptych model list")
    candidate = (await store.model(name)).manifest
    before = roles.get("current", "")
    current = await store.manifest(before) if before else None
    shadow, turns = await store.shadow(name)
    worse = finds_less(candidate.self_check, current.self_check if current else {})
    against = [*_trial(shadow, turns, budget), *worse]
    if against and not force:
        raise PromotionError(f"{name} is not promoted: {'; '.join(against)}", "wait for more turns, or --force")
    await store.promote(name)
    return Promoted(name=name, before=before)


def _trial(shadow: Shadow, turns: int, budget: Budget) -> Iterator[str]:
    if turns < budget.turns:
        yield f"it has judged {turns} live turns of the {budget.turns} that a trial needs"
    if shadow.candidate_rate > budget.alert_rate:
        yield f"it alerts on {shadow.candidate_rate:.2%} of live turns, {budget.alert_rate:.2%} are allowed"
