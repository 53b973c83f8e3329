"""Asks a store or a registry until it answers: while one is away a stage waits, shows it, and acknowledges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from .metrics import Metrics, Who
from .stage import AwayError

__all__ = ["Asking"]

_RETRY_FIRST_S = 0.1
_RETRY_MOST_S = 5.0

log = structlog.get_logger(__name__)


class Asking:
    """What one stage asks of others."""

    def __init__(self, stage: str, metrics: Metrics) -> None:
        self._stage = stage
        self._metrics = metrics
        self._away: set[Who] = set()

    @property
    def waits(self) -> bool:
        """Whether somebody is away."""
        return bool(self._away)

    async def patiently(
        self, who: Who, ask: Callable[[Any], Awaitable[Any]], argument: Any, goes_on: Callable[[], bool]
    ) -> Any:
        """The answer; None once it need not go on."""
        pause = _RETRY_FIRST_S
        try:
            while goes_on():
                try:
                    return await ask(argument)
                except AwayError as error:
                    self._tell(who, away=True)
                    log.warning(f"{who} away", stage=self._stage, error=str(error), retry_s=pause)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _RETRY_MOST_S)
        finally:
            self._tell(who, away=False)
        return None

    def _tell(self, who: Who, *, away: bool) -> None:
        (self._away.add if away else self._away.discard)(who)
        self._metrics.away[who].labels(self._stage).set(away)
