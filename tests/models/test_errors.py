"""Errors say what happened, under a code that stays, and what to do."""

from __future__ import annotations

import pytest

from triptych.models.errors import ConfigError, TriptychError, WireError


def test_an_error_reads_as_code_what_and_next_step() -> None:
    assert str(TriptychError("it broke", "mend it", code="X01")) == "X01 it broke\n    try: mend it"


def test_an_error_without_a_next_step_is_one_line() -> None:
    assert str(ConfigError("grace_ms=0")) == "C01 grace_ms=0"


def test_a_code_given_to_one_error_does_not_change_its_class() -> None:
    assert WireError("", code="W03").code == "W03"
    assert WireError("").code == WireError.code == "W01"


@pytest.mark.parametrize("kind", [ConfigError, WireError])
def test_the_whole_family_is_caught_as_one(kind: type[TriptychError]) -> None:
    with pytest.raises(TriptychError):
        raise kind("x")
