from __future__ import annotations

from typing import get_args

import pytest

from triptych.models import testing
from triptych.models.events import Effect, ExecutionDetail, ExecutionKind


@pytest.fixture
def every_effect() -> tuple[Effect, ...]:
    """An effect of each kind, with all that a detail can say."""
    detail = ExecutionDetail(operation="rename", name="a.example", target_pid=1, layer="written", other_path="/srv/b")
    kinds: tuple[ExecutionKind, ...] = get_args(ExecutionKind)
    return tuple(
        testing.effect(kind, n / 10, path="/srv/a", address="203.0.113.7", port=7, protocol="tcp", detail=detail)
        for n, kind in enumerate(kinds)
    )
