"""Keyed digests: RFC 2104, and nothing about the value without the key."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.digest import Keyring
from triptych.models.errors import ConfigError

KEY = bytes(range(32))


@given(st.binary(min_size=16, max_size=200), st.binary(max_size=200))
def test_a_digest_is_the_first_half_of_hmac_sha256(key: bytes, value: bytes) -> None:
    assert Keyring(key, "k").digest(value) == hmac.new(key, value, hashlib.sha256).hexdigest()[:32]


@given(st.text(st.characters()))
def test_any_text_has_a_digest_and_text_is_its_utf8(value: str) -> None:
    assert Keyring(KEY, "k").digest(value) == Keyring(KEY, "k").digest(value.encode("utf-8", "surrogatepass"))


@given(st.binary(), st.binary())
def test_one_digest_does_not_disturb_the_next(first: bytes, second: bytes) -> None:
    keyring = Keyring(KEY, "k")
    alone = keyring.digest(second)
    keyring.digest(first)
    assert keyring.digest(second) == alone


def test_another_key_gives_another_digest() -> None:
    assert Keyring(KEY, "k").digest("x") != Keyring(KEY[::-1], "k").digest("x")


def test_a_short_key_is_refused_with_the_numbers() -> None:
    with pytest.raises(ConfigError, match="has 15 bytes, at least 16") as caught:
        Keyring(bytes(15), "k")
    assert caught.value.hint == "triptych keys new"


@given(st.binary(min_size=16).filter(lambda key: len(key.strip()) >= 16))
def test_a_key_file_means_the_same_with_and_without_a_line_end(key: bytes) -> None:
    one, other = Keyring.of_file(key.strip()), Keyring.of_file(key + b"\n")
    assert (one.key_id, one.digest("x")) == (other.key_id, other.digest("x"))


def test_the_id_of_a_key_file_tells_keys_apart_unless_it_is_given() -> None:
    assert Keyring.of_file(KEY).key_id != Keyring.of_file(KEY[::-1]).key_id
    assert Keyring.of_file(KEY, "2026-11").key_id == "2026-11"
