from __future__ import annotations

import pytest

from triptych.infra.moments import moment_ms, written
from triptych.models.errors import ConfigError

NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("30s", NOW - 30_000),
        ("2h", NOW - 7_200_000),
        ("7d", NOW - 604_800_000),
        ("1w", NOW - 604_800_000),
        ("1970-01-02", 86_400_000),
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T02:00:01+02:00", 1_000),
    ],
)
def test_a_moment_is_a_time_or_so_long_ago(text: str, ms: int) -> None:
    assert moment_ms(text, NOW) == ms


@pytest.mark.parametrize("text", ["", "soon", "7", "d", "-3d", "2026-13-01", "1e3s", "99999999d"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="no point in time"):
        moment_ms(text, NOW)


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (1_700_000_000_000, "2023-11-14T22:13:20+00:00"),
        (-1, "1970-01-01T00:00:00+00:00"),
        ((1 << 63) - 1, "9999-12-31T23:59:59+00:00"),
    ],
)
def test_every_timestamp_that_a_record_may_have_can_be_shown(at_ms: int, text: str) -> None:
    assert written(at_ms) == text
