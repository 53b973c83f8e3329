"""A bounded memory of ids."""

from __future__ import annotations

from triptych.streams.recent import Recent


def test_only_the_oldest_is_forgotten() -> None:
    recent = Recent(2)
    assert [recent.add(thing) for thing in ("a", "a", "b", "c", "b", "a")] == [True, False, True, True, False, True]
    assert ["a" in recent, "b" in recent, "c" in recent] == [True, False, True]
