"""Names that were asked for, without what they carry out."""

from __future__ import annotations

import pytest

from triptych.models.digest import Keyring
from triptych.producers.sensor.hosts import host_name

KEYRING = Keyring(b"sixteen bytes or more", "k")


@pytest.mark.parametrize(
    "name",
    [
        "api.example.com",
        "localhost",
        "a-very-long-but-readable-host.corp.example",
        "ip-10-0-0-1.ec2.internal",
        "a1b2c3d4e5f6g7.com",
        "printer.lan",
        "shop.xn--mgbaam7a8h",
        "",
    ],
)
def test_an_ordinary_name_stands_as_it_is(name: str) -> None:
    assert host_name(name.encode(), KEYRING) == name


@pytest.mark.parametrize(
    "label", ["a3f5c2d19be84f07", "mfzwizltoq2g6ztfmqwtcmrt", "x" * 40, "sk-live-4f9a8b7c6d5e4f3a"]
)
def test_a_label_that_carries_data_stands_as_a_digest_before_its_domain(label: str) -> None:
    told = host_name(f"{label}.evil.test".encode(), KEYRING)
    assert label not in told
    assert told == f"[{KEYRING.digest(label)[:12]}].evil.test"


def test_bytes_that_are_no_text_are_cleaned() -> None:
    assert host_name(b"a\x1b[31m\n.example.test", KEYRING).isprintable()


@pytest.mark.parametrize("around", ["{}.lan", "{}", "a.{}.internal", "{}.LOCAL", "api.example.{}"])
def test_a_label_that_carries_data_is_hidden_where_no_domain_can_be_bought(around: str) -> None:
    data = "sk-live-4f9a8b7c6d5e4f3a"
    told = host_name(around.format(data).encode(), KEYRING)
    assert told == around.format(f"[{KEYRING.digest(data)[:12]}]")
