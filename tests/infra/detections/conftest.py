from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from triptych.models.changes import Change


class Known:
    """What was told, as workers share it."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}

    async def standing(self, kind: str) -> Mapping[str, str]:
        return {subject: version for subject, version in self.versions.items() if version}

    async def news(self, changed: Sequence[Change]) -> tuple[Change, ...]:
        return tuple(one for one in changed if one.action == "refuse" or self.versions.get(one.subject) != one.after)

    async def told(self, changed: Sequence[Change]) -> None:
        self.versions.update((one.subject, one.after) for one in changed if one.action != "refuse")


@pytest.fixture
def known() -> Known:
    return Known()
