"""Ids of our own: unique, and later ones sort later."""

from __future__ import annotations

import re

from triptych.producers.gateway import host

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_ids_are_uuids_of_version_7_and_no_two_are_equal() -> None:
    made = [host.new_id() for _ in range(5000)]
    assert len(set(made)) == 5000
    assert all(map(UUID7.fullmatch, made))
    assert [one[:13] for one in made] == sorted(one[:13] for one in made)


def test_traces_are_32_digits_and_no_two_are_equal() -> None:
    made = {host.new_trace() for _ in range(5000)}
    assert len(made) == 5000
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)
