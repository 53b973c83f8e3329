"""Numbers on the wire at the edges of what they may be."""

from __future__ import annotations

from typing import Any

import pytest

from triptych.models.varint import block, remember


def test_an_array_cannot_say_that_it_has_more_items_than_a_place_can_count() -> None:
    many = bytes([255] * 8 + [127])  # -(2 ** 62): negated it would be the largest negative place, and no items at all
    with pytest.raises(ValueError, match="more items"):
        block(many, 1, many[0])


def test_a_run_that_a_sender_made_long_is_not_kept() -> None:
    known: dict[str, list[tuple[bytes, Any]]] = {}
    remember(known, "w", b"x" * 1_024, 1)
    remember(known, "w", b"x" * 1_025, 2)
    assert [values for _, values in known["w"]] == [1]
