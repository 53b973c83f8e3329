"""Several sources of names as one."""

from __future__ import annotations

from collections import Counter

import pytest
from recorded_identity import SEARCH, SERVER, in_container, in_pod

from triptych.models.identity import Workload
from triptych.producers.sensor.identity.identity import Identity
from triptych.producers.sensor.identity.names import Several, is_full


class Source:
    def __init__(self, answer: Identity | None) -> None:
        self.answer = answer
        self.is_closed = False
        self.troubles = Counter(trouble=1)

    def of(self, _workload: Workload) -> Identity | None:
        return self.answer

    def close(self) -> None:
        self.is_closed = True


def test_the_first_source_wins_and_the_others_complete_it() -> None:
    cluster = Identity(pod="p", container="c")
    engine = Identity(container="other", image="i")
    several = Several([Source(None), Source(cluster), Source(engine)])
    assert several.of(in_container(SERVER)) == Identity(pod="p", container="c", image="i")
    assert several.troubles == {"trouble": 3}


def test_nothing_is_known_until_one_source_knows() -> None:
    sources = [Source(None), Source(None)]
    several = Several(sources)
    assert several.of(in_container(SERVER)) is None
    several.close()
    assert [source.is_closed for source in sources] == [True, True]


@pytest.mark.parametrize(
    ("workload", "identity", "expected"),
    [
        (Workload(id="host:b:1:2"), None, True),
        (in_container(SERVER), None, False),
        (in_container(SERVER), Identity(container="c"), True),
        (in_pod(SEARCH, SERVER), Identity(container="c"), False),
        (in_pod(SEARCH, SERVER), Identity(pod="p"), False),
        (in_pod(SEARCH, SERVER), Identity(pod="p", container="c"), True),
        (in_pod(SEARCH), Identity(pod="p"), True),
    ],
)
def test_there_is_something_to_wait_for_while_pod_or_container_has_no_name(
    workload: Workload, identity: Identity | None, expected: bool
) -> None:
    assert is_full(workload, identity) is expected
