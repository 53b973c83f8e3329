"""Topics that would lose what is read again, or refuse what is written, are named with the number that is wrong."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from triptych.infra.topiccheck import Wanted, faults

WANTED = Wanted(reads=("in",), writes=("out",), kept_s=3_600, record_bytes=900_000)


def test_topics_as_they_should_be_have_no_faults() -> None:
    held = {"cleanup.policy": "delete", "retention.ms": "3600000", "max.message.bytes": "900000"}
    assert [*faults("in", held, WANTED), *faults("out", held, WANTED), *faults("in", {}, WANTED)] == []


def test_a_topic_that_keeps_for_ever_keeps_long_enough() -> None:
    assert list(faults("in", {"retention.ms": "-1"}, WANTED)) == []


@pytest.mark.parametrize(
    ("topic", "held", "said"),
    [
        ("in", {"retention.ms": "60000"}, "60 s (retention.ms)"),
        ("out", {"max.message.bytes": "100000"}, "100000 bytes (max.message.bytes)"),
        ("in", {"cleanup.policy": "compact,delete"}, "compacted"),
        ("out", {"cleanup.policy": "compact"}, "compacted"),
    ],
)
def test_what_is_wrong_is_said_with_its_setting(topic: str, held: Mapping[str, str], said: str) -> None:
    (fault,) = faults(topic, held, WANTED)
    assert (topic in fault, said in fault) == (True, True)


def test_what_is_only_read_may_be_small_and_what_is_only_written_may_go_soon() -> None:
    assert list(faults("in", {"max.message.bytes": "10"}, WANTED)) == []
    assert list(faults("out", {"retention.ms": "10"}, WANTED)) == []
