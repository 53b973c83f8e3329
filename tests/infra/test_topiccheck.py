"""Topics that would lose what is read again, or refuse what is written, are named with the number that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from unittest.mock import MagicMock

import pytest

from triptych.infra import topiccheck
from triptych.infra.errors import TopicError
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
    assert (topic in fault.what, said in fault.what) == (True, True)


@pytest.mark.parametrize("number", ["None", ""])
def test_a_number_that_the_broker_does_not_tell_is_no_fault(number: str) -> None:
    held = {"retention.ms": number, "max.message.bytes": number}
    assert [*faults("in", held, WANTED), *faults("out", held, WANTED)] == []


@pytest.mark.parametrize(("topic", "fatal"), [("in", True), ("both", True), ("out", False)])
def test_a_compacted_topic_holds_a_worker_up_only_where_it_reads(topic: str, fatal: bool) -> None:
    both = Wanted(reads=("in", "both"), writes=("out", "both"), kept_s=3_600, record_bytes=900_000)
    assert [fault.fatal for fault in faults(topic, {"cleanup.policy": "compact"}, both)] == [fatal]


def test_a_record_that_the_broker_would_refuse_for_ever_holds_a_worker_up() -> None:
    assert [fault.fatal for fault in faults("out", {"max.message.bytes": "10"}, WANTED)] == [True]


def answering(monkeypatch: pytest.MonkeyPatch, **held: Mapping[str, str]) -> None:
    monkeypatch.setattr(topiccheck, "AdminClient", MagicMock())
    monkeypatch.setattr(topiccheck, "_held", lambda *_: held.items())


def test_what_holds_nobody_up_is_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, out={"cleanup.policy": "compact"})
    (what,) = topiccheck.check({}, WANTED)
    assert what.startswith("out is compacted")


def test_what_holds_a_worker_up_is_an_error_that_names_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, **{"in": {"cleanup.policy": "compact", "retention.ms": "1"}, "out": {}})
    with pytest.raises(TopicError, match=r"T03 in is compacted.*; in keeps records"):
        topiccheck.check({}, WANTED)


def test_what_is_only_read_may_be_small_and_what_is_only_written_may_go_soon() -> None:
    assert list(faults("in", {"max.message.bytes": "10"}, WANTED)) == []
    assert list(faults("out", {"retention.ms": "10"}, WANTED)) == []
