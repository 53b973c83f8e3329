from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.incidents import Incident, newest
from triptych.infra.replay.telling import LastTold
from triptych.models.events import Alert, Principal
from triptych.models.incidents.member import Windows
from triptych.streams.incidentmemory import IncidentMemory
from triptych.streams.incidents import Gathering, Incidents
from triptych.streams.pins import Pin

START_NS = 1_790_000_000_000_000_000
HOUR_NS = 3_600 * 10**9

findings = st.builds(
    lambda name, hour, sequence, workload, trace: Alert(
        finding_uid=f"trp-{name}", sequence=sequence, title=f"finding {name}", severity="high", risk=80.0,
        started_ns=START_NS + hour * HOUR_NS, ended_ns=START_NS + hour * HOUR_NS, workload=workload,
        correlation_id=trace, activity="close" if sequence == 3 else "update", principal=Principal(kind="configured"),
    ),
    st.integers(0, 5), st.integers(0, 4), st.integers(1, 3), st.sampled_from(("one", "two")),
    st.sampled_from(("", "turn")),
)  # fmt: skip


async def gathered(told: Sequence[Alert], stage: Incidents) -> list[bytes | object]:
    store, bodies = IncidentMemory(Windows()), list[bytes | object]()
    for one in told:
        step = stage.add(one, Pin(), await store.lookup(stage.wanted([one])))
        bodies += [output.value for output in step.outputs]
        await store.apply(step.writes)
    return bodies


@given(told=st.lists(findings, min_size=1, max_size=12))
def test_each_incident_is_rendered_once_as_a_worker_tells_it_last(told: list[Alert]) -> None:
    bodies = asyncio.run(gathered(told, Incidents(Gathering())))
    expected: list[Incident] = newest(orjson.loads(body) for body in bodies)  # type: ignore[arg-type]
    last = LastTold()
    assert set(asyncio.run(gathered(told, Incidents(Gathering(), last)))) == {b""}
    assert last.rendered() == expected
