from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models import text


@given(st.text(), st.integers(1, 300))
def test_cleaned_text_is_one_visible_line_within_its_cap(raw: str, cap: int) -> None:
    cleaned = text.clean(raw, cap)
    assert len(cleaned) <= cap
    assert not [char for char in cleaned if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    cleaned.encode()


@given(st.text(), st.integers(1, 300))
def test_cleaning_twice_changes_nothing(raw: str, cap: int) -> None:
    assert text.clean(text.clean(raw, cap), cap) == text.clean(raw, cap)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
def test_ordinary_text_is_left_alone(raw: str) -> None:
    assert text.clean(raw, 80) == raw


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("a\nb", r"a\x0ab"),
        ("txt.\u202egpj", r"txt.\u202egpj"),
        ("pay\u200bpal", r"pay\u200bpal"),
        ("x\U000e0041", r"x\U000e0041"),
        ("x\ufe0f", r"x\ufe0f"),
        ("a\u3000b", "a b"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_hides_or_steers_is_spelled_out(hostile: str, shown: str) -> None:
    assert text.clean(hostile) == shown


def test_a_shortened_text_ends_in_an_ellipsis() -> None:
    assert text.clean("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1200, "1.2 KB"),
        (999_960, "1.0 MB"),
        (3_400_000, "3.4 MB"),
        (5_000_000_000, "5.0 GB"),
    ],
)
def test_sizes_read_as_people_say_them(octets: int, shown: str) -> None:
    assert text.size(octets) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/ann/.aws/credentials", "/…/.aws/credentials"),
        ("/etc/shadow", "/etc/shadow"),
        ("notes.md", "notes.md"),
        ("/a/b/" + "x" * 80, "…" + "x" * 59),
    ],
)
def test_a_path_keeps_the_end_that_tells(path: str, shown: str) -> None:
    assert text.short_path(path) == shown


def test_an_ipv6_endpoint_is_bracketed() -> None:
    assert text.endpoint("2001:db8::1", 443) == "[2001:db8::1]:443"
    assert text.endpoint("192.0.2.1", 443) == "192.0.2.1:443"
    assert text.endpoint(None, None) == "unknown address"


def test_counts_agree_with_their_noun() -> None:
    assert text.of_sessions(0, 42) == "0 of 42 sessions"
    assert text.of_sessions(1, 1) == "1 of 1 session"
