"""What is left when the kernel refuses programs. Pure."""

from __future__ import annotations

import pytest

from triptych.models.errors import TriptychError
from triptych.producers.sensor.program import Feature
from triptych.producers.sensor.refusals import remaining, used

KNOWN = (
    Feature("base", ("fork",), {}),
    Feature("open", ("exit",), {}, "WITH_OPEN"),
    Feature("names", (), {}, "", "names", ("open",)),
    Feature("bytes", ("send", "receive"), {}, "WITH_BYTES"),
    Feature("queue", ("new",), {}, "WITH_NEW"),
    Feature("queue", ("old",), {}, "WITH_OLD"),
)
ALL = ("base", "open", "names", "bytes", "queue")


def test_nothing_refused_leaves_everything() -> None:
    assert remaining(ALL, {}, {}, KNOWN) == (ALL, {})


def test_a_feature_falls_with_what_it_needs_and_says_the_same_reason() -> None:
    features, missing = remaining(ALL, {}, {"exit": "EPERM"}, KNOWN)
    assert features == ("base", "bytes", "queue")
    assert missing == {"open": "EPERM", "names": "EPERM"}


def test_half_a_feature_is_none() -> None:
    features, missing = remaining(ALL, {}, {"receive": "EINVAL"}, KNOWN)
    assert "bytes" not in features
    assert "send" not in used(features, KNOWN)
    assert missing == {"bytes": "EINVAL"}


def test_what_was_missing_before_stays_missing() -> None:
    assert remaining(("base",), {"open": "no tracepoint"}, {}, KNOWN) == (("base",), {"open": "no tracepoint"})


def test_the_required_feature_is_missed_with_an_error() -> None:
    with pytest.raises(TriptychError, match="cannot do without: EPERM") as raised:
        remaining(ALL, {}, {"fork": "EPERM"}, KNOWN)
    assert raised.value.code == "S07"
