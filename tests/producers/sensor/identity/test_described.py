"""Names from a cluster or an engine are somebody's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.sensor.identity.described import at, digest, labels, text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab") | st.text(max_size=4), inner),
    max_leaves=8,
)


@given(JSON, st.lists(st.sampled_from("ab"), max_size=4))
def test_a_walk_through_any_json_ends_with_something_or_nothing(value: object, path: list[str]) -> None:
    expected = value
    for key in path:
        expected = expected.get(key) if isinstance(expected, dict) else None
    assert at(value, *path) == expected


@given(st.text(), st.integers(1, 40))
def test_a_name_is_capped_and_printable(name: str, cap: int) -> None:
    cleaned = text(name, cap)
    assert cleaned is None if not name else cleaned is not None and len(cleaned) <= cap and cleaned.isprintable()


@pytest.mark.parametrize("other", [None, 7, [], {}, "", True])
def test_what_is_no_text_is_no_name(other: object) -> None:
    assert text(other) is None


HASH = "sha256:" + "11" * 32


@pytest.mark.parametrize(
    "reference", [HASH, f"registry.example/a/b@{HASH}", f"docker-pullable://a@{HASH}", f"docker://{HASH}"]
)
def test_every_runtime_s_way_to_write_a_digest_is_read(reference: str) -> None:
    assert digest(reference) == HASH


@pytest.mark.parametrize("reference", ["registry.example/a:1.4", HASH[:-1], HASH + "0", f"{HASH}:latest", "", None, 7])
def test_what_carries_no_digest_has_none(reference: object) -> None:
    assert digest(reference) is None


def test_labels_come_in_order_of_their_names_and_no_more_than_32() -> None:
    given_labels = {f"l{number:02}": str(number) for number in reversed(range(50))}
    assert [(label.name, label.value) for label in labels(given_labels)] == [(f"l{n:02}", str(n)) for n in range(32)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gate.basicauth.users", "ann"),
        ("gate.users", "ann:$apr1$x$y"),
        ("api-key", "abcdef"),
        ("db.password", "hunter2"),
        ("origin", "https://ann:hunter2@git.example/x"),
        ("blob", "a" * 64),
        ("line", "one\ntwo"),
        ("script", "a\u202eb"),
    ],
)
def test_a_label_that_may_hold_a_secret_is_told_by_its_length(name: str, value: str) -> None:
    assert [label.value for label in labels({name: value})] == [f"[{len(value)} chars]"]


@given(JSON)
def test_labels_of_any_shape_stay_within_their_bounds(value: object) -> None:
    told = labels(value)
    assert len(told) <= 32
    assert all(len(label.name) <= 128 and len(label.value) <= 128 for label in told)
    assert all((label.name + label.value).isprintable() for label in told)
