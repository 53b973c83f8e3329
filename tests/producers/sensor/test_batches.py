"""Kernel events and lease messages in, execution batches out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.digest import Keyring
from triptych.models.events import CallRef, ExecutionBatch, Label
from triptych.models.identity import Workload
from triptych.models.wire import bundled
from triptych.producers.sensor.batches import MOST_EVENTS, Batches, Origin
from triptych.producers.sensor.decode import Endpoint, KernelEvent
from triptych.producers.sensor.identity.identity import Identity
from triptych.producers.sensor.proof import UNPROVEN, Proof
from triptych.producers.sensor.source import KernelHalf

KEYRING = Keyring(b"sixteen bytes or more", "k1")
ROOT, WORKLOAD = 100, Workload(id="w", container_id="c")
CALL = CallRef(call_id="a", correlation_id="1")
OFFSET = 1_000_000
OPEN = KernelEvent(
    kind="open",
    mono_ns=50,
    pid=ROOT,
    start_ns=1,
    root=ROOT,
    epoch=2,
    born=0,
    path=b"/f",
    path_source="kernel",
    result=3,
)
CONNECT = replace(OPEN, kind="connect", path=None, path_source="none", peer=Endpoint("192.0.2.1", 443, 0, "tcp"))
FLOW = replace(CONNECT, kind="flow", bytes_out=10, bytes_in=1)


@pytest.fixture
def batches() -> Batches:
    """One leased root with one call in flight, from epoch 2 on."""
    made = Batches(Origin(instance="sensor:x", boot_id="b", host="h", cluster="c"), KEYRING)
    made.open(ROOT, WORKLOAD)
    assert made.begin(ROOT, CALL).epoch == 2
    return made


def _one(told: list[ExecutionBatch]) -> ExecutionBatch:
    (batch,) = told
    return batch


def test_an_event_is_told_with_its_call_and_its_digest(batches: Batches) -> None:
    batches.observe(OPEN)
    batch = _one(batches.flush(90, OFFSET))
    (event,) = batch.events
    assert batch.calls == (CALL,)
    assert (event.calls, event.binding, event.path, event.count) == ((0,), "exact", "/f", 1)
    assert event.digests == (KEYRING.digest("/f"),)


def test_a_connection_is_digested_as_the_gateway_digests_a_declared_host(batches: Batches) -> None:
    batches.observe(CONNECT)
    (event,) = _one(batches.flush(90, OFFSET)).events
    assert event.digests == (KEYRING.digest("192.0.2.1"), KEYRING.digest("192.0.2.1:443"))
    assert event.local_port is None


def test_the_envelope_says_who_when_and_under_which_key(batches: Batches) -> None:
    batches.observe(OPEN)
    batch = _one(batches.flush(90, OFFSET))
    assert (batch.workload, batch.container_id, batch.host, batch.cluster, batch.boot_id) == ("w", "c", "h", "c", "b")
    assert (batch.mono_ns, batch.wall_ns, batch.key_id, batch.sequence) == (90, 90 + OFFSET, "k1", 1)


def test_equal_events_become_one_with_a_count(batches: Batches) -> None:
    for result in (3, 4, 5):
        batches.observe(replace(OPEN, result=result))
    (event,) = _one(batches.flush(90, OFFSET)).events
    assert event.count == 3


@pytest.mark.parametrize(
    "other",
    [{"path": b"/g"}, {"open_flags": 1}, {"pid": 7}, {"result": -13}, {"born": 2}, {"epoch": 1}, {"start_ns": 2}],
)
def test_events_that_differ_in_what_matters_stay_apart(batches: Batches, other: dict[str, object]) -> None:
    batches.observe(OPEN)
    batches.observe(replace(OPEN, **other))  # type: ignore[arg-type]
    assert len(_one(batches.flush(90, OFFSET)).events) == 2


def test_bytes_of_one_connection_add_up_to_its_last_byte(batches: Batches) -> None:
    batches.observe(FLOW)
    batches.observe(replace(FLOW, mono_ns=60))
    (event,) = _one(batches.flush(90, OFFSET)).events
    assert (event.bytes_out, event.bytes_in, event.mono_ns) == (20, 2, 60)


def test_a_large_flush_is_split_and_only_its_last_batch_moves_the_watermark(batches: Batches) -> None:
    batches.start(WORKLOAD, KernelHalf(), 10, OFFSET)
    for number in reversed(range(2 * MOST_EVENTS + 1)):
        batches.observe(replace(OPEN, mono_ns=50 + number, path=b"/%d" % number))
    told = batches.flush(10_000, OFFSET)
    assert [len(batch.events) for batch in told] == [MOST_EVENTS, MOST_EVENTS, 1]
    assert [batch.mono_ns for batch in told] == [10, 10, 10_000]
    times = [event.mono_ns for batch in told for event in batch.events]
    assert times == sorted(times)


def test_start_up_is_counted_but_its_connections_and_executions_are_told() -> None:
    fresh = Batches(Origin(instance="s", boot_id="b", host="h"), KEYRING)
    fresh.open(ROOT, WORKLOAD)
    early = replace(OPEN, epoch=1)
    for event in (early, early, replace(early, kind="fork"), replace(CONNECT, epoch=1), replace(early, kind="exec")):
        fresh.observe(event)
    batch = _one(fresh.flush(90, OFFSET))
    assert batch.summarised == 3
    assert sorted(event.kind for event in batch.events) == ["connect", "exec"]


def test_a_sensitive_file_read_at_start_up_is_told() -> None:
    fresh = Batches(Origin(instance="s", boot_id="b", host="h"), KEYRING)
    fresh.open(ROOT, WORKLOAD)
    fresh.observe(replace(OPEN, epoch=1, path=b"/home/a/.aws/credentials"))
    fresh.observe(replace(OPEN, epoch=1, path=b"/usr/lib/libc.so.6"))
    batch = _one(fresh.flush(90, OFFSET))
    assert [(event.path, event.evidence) for event in batch.events] == [("/home/a/.aws/credentials", "background")]
    assert batch.summarised == 1


def test_what_is_sensitive_can_be_said_from_outside() -> None:
    fresh = Batches(Origin(instance="s", boot_id="b", host="h"), KEYRING, lambda path: "ours" if path == "/f" else None)
    fresh.open(ROOT, WORKLOAD)
    fresh.observe(replace(OPEN, epoch=1))
    assert len(_one(fresh.flush(90, OFFSET)).events) == 1


@pytest.mark.parametrize(("flags", "listed"), [(0, 0), (1, 1), (0o2102, 1)])
def test_a_place_that_nobody_should_write_is_told_when_it_is_opened_for_writing(flags: int, listed: int) -> None:
    origin = Origin(instance="s", boot_id="b", host="h")
    fresh = Batches(origin, KEYRING, written=lambda path: "ours" if path == "/f" else None)
    fresh.open(ROOT, WORKLOAD)
    fresh.observe(replace(OPEN, epoch=1, open_flags=flags))
    fresh.lost(ROOT, 1, 40)
    assert len(_one(fresh.flush(90, OFFSET)).events) == listed


def test_facts_that_reached_nobody_are_told_as_lost(batches: Batches) -> None:
    batches.undelivered(WORKLOAD.id, 3, 40)
    batches.undelivered("let go meanwhile", 3, 40)
    batch = _one(batches.flush(90, OFFSET))
    assert (batch.lost_before, batch.lost_from_ns) == (3, 40)


def test_background_after_the_first_call_is_told(batches: Batches) -> None:
    batches.end(ROOT, "a")
    batches.observe(replace(OPEN, epoch=3))
    (event,) = _one(batches.flush(90, OFFSET)).events
    assert (event.binding, event.evidence, event.calls) == ("none", "background", ())


def test_loss_is_told_once_with_the_start_of_its_span(batches: Batches) -> None:
    batches.lost(ROOT, 5, 40)
    batches.lost(ROOT, 2, 60)
    batch = _one(batches.flush(90, OFFSET))
    assert (batch.lost_before, batch.lost_from_ns, batch.events) == (7, 40, ())
    assert batches.flush(95, OFFSET) == []


def test_loss_stands_in_the_batch_that_ends_its_span(batches: Batches) -> None:
    for number in range(MOST_EVENTS + 1):
        batches.observe(replace(OPEN, path=b"/%d" % number))
    batches.lost(ROOT, 5, 40)
    assert [batch.lost_before for batch in batches.flush(90, OFFSET)] == [0, 5]


def test_only_a_silent_workload_shows_a_heartbeat(batches: Batches) -> None:
    batches.observe(OPEN)
    batches.flush(1000, OFFSET)
    assert batches.signs_of_life(1500, OFFSET, 1000) == []
    assert _one(batches.signs_of_life(2000, OFFSET, 1000)).status == "heartbeat"
    assert batches.signs_of_life(2500, OFFSET, 1000) == []


def test_roots_of_one_workload_share_a_stream_that_ends_with_the_last(batches: Batches) -> None:
    batches.open(200, WORKLOAD)
    assert batches.close(ROOT) is None
    assert batches.close(200) == WORKLOAD
    stop = _one(batches.stop(WORKLOAD, "server-gone", 90, OFFSET))
    assert (stop.status, stop.features) == ("stop", ("server-gone",))
    assert batches.workloads == ()


def test_events_of_nobody_are_counted(batches: Batches) -> None:
    batches.observe(replace(OPEN, root=9))
    assert batches.unbound == 1
    assert batches.flush(90, OFFSET) == []


def test_ids_are_the_same_for_the_same_input_and_never_repeat(batches: Batches) -> None:
    told = [
        batches.start(WORKLOAD, KernelHalf(), 10, OFFSET),
        *batches.signs_of_life(20, OFFSET, 5),
        *batches.stop(WORKLOAD, "", 30, 0),
    ]
    assert len({batch.event_id for batch in told}) == 3
    again = Batches(Origin(instance="sensor:x", boot_id="b", host="h", cluster="c"), KEYRING)
    again.open(ROOT, WORKLOAD)
    assert again.start(WORKLOAD, KernelHalf(), 10, OFFSET) == told[0]


def test_what_the_watched_process_names_is_cleaned_and_capped(batches: Batches) -> None:
    batches.observe(replace(OPEN, path=b"/a\x1b[31m\n\xff" + b"x" * 4000, comm=b"ev\x1bil"))
    (event,) = _one(batches.flush(90, OFFSET)).events
    assert event.path is not None
    assert event.path.isprintable()
    assert len(event.path) <= 1024
    assert event.comm == "ev\\x1bil"


def test_an_exit_is_told_as_a_shell_would(batches: Batches) -> None:
    for status in (3 << 8, 9):
        batches.observe(replace(OPEN, kind="exit", path=None, result=status))
    assert {event.result for event in _one(batches.flush(90, OFFSET)).events} == {3, 137}


MS = 1_000_000
EXEC = replace(OPEN, kind="exec", path=b"/bin/x", inode=7, mono_ns=50 * MS)
LIBRARY = replace(OPEN, path=b"/tmp/x.so.1", inode=8, mono_ns=50 * MS)


@pytest.fixture
def proving() -> Batches:
    """One leased root before its first call; somebody answers for files."""
    made = Batches(Origin(instance="s", boot_id="b", host="h"), KEYRING, proving=True)
    made.open(ROOT, WORKLOAD)
    return made


def test_a_program_waits_for_its_hash_and_nothing_is_promised_past_it(proving: Batches) -> None:
    proving.observe(EXEC)
    proving.observe(replace(CONNECT, mono_ns=60 * MS))
    (subject,) = proving.questions()
    early = _one(proving.flush(70 * MS, 0))
    assert [event.kind for event in early.events] == ["connect"]
    assert early.mono_ns == EXEC.mono_ns - 1
    proving.prove(subject.number, Proof("ab" * 32, writable=False))
    late = _one(proving.flush(80 * MS, 0))
    detail = late.events[0].detail
    assert detail is not None
    assert (detail.sha256, detail.writable, late.mono_ns) == ("ab" * 32, False, 80 * MS)


def test_a_program_whose_hash_takes_too_long_is_told_without(proving: Batches) -> None:
    proving.observe(EXEC)
    proving.questions()
    assert proving.flush(140 * MS, 0) == []
    (event,) = _one(proving.flush(151 * MS, 0)).events
    assert (event.kind, event.detail) == ("exec", None)


def test_what_still_waits_is_told_before_the_end(proving: Batches) -> None:
    proving.observe(EXEC)
    proving.close(ROOT)
    assert [batch.status for batch in proving.stop(WORKLOAD, "server-gone", 60 * MS, 0)] == ["events", "stop"]


@pytest.mark.parametrize(("proof", "listed"), [(Proof(writable=True), 1), (Proof(writable=False), 0), (UNPROVEN, 0)])
def test_of_the_libraries_of_a_start_up_only_those_its_user_may_write_are_told(
    proving: Batches, proof: Proof, listed: int
) -> None:
    proving.observe(replace(LIBRARY, epoch=1))
    proving.observe(replace(EXEC, epoch=1))
    library, program = proving.questions()
    proving.prove(library.number, proof)
    proving.prove(program.number, UNPROVEN)
    batch = _one(proving.flush(70 * MS, 0))
    assert [event.kind for event in batch.events].count("open") == listed
    assert batch.summarised == 1 - listed


def test_what_is_over_the_budget_is_counted_but_sensitive_files_are_told() -> None:
    made = Batches(Origin(instance="s", boot_id="b", host="h"), KEYRING, per_second=10)
    made.open(ROOT, WORKLOAD)
    made.begin(ROOT, CALL)
    for number in range(30):
        made.observe(replace(OPEN, path=b"/%d" % number))
    made.observe(replace(OPEN, path=b"/home/a/.aws/credentials", mono_ns=60))
    batch = _one(made.flush(90, OFFSET))
    assert (len(batch.events), batch.rate_limited) == (11, 20)
    assert batch.events[-1].path == "/home/a/.aws/credentials"


def test_a_hot_file_is_one_event_and_a_count_when_its_call_ends(batches: Batches) -> None:
    for number in range(10):
        batches.observe(replace(OPEN, mono_ns=100 * number), 3)
        batches.flush(100 * number + 50, OFFSET)
    batches.end(ROOT, "a")
    (event,) = _one(batches.flush(1000, OFFSET)).events
    assert (event.count, event.calls, event.mono_ns) == (27, (0,), 100)


def test_a_change_is_told_with_what_was_done(batches: Batches) -> None:
    batches.observe(replace(OPEN, kind="change", operation="rename", other_path=b"/g"))
    batches.observe(replace(OPEN, kind="change", operation="unlink"))
    told = _one(batches.flush(90, OFFSET)).events
    assert [(event.kind, event.detail and event.detail.operation) for event in told] == [
        ("change", "rename"),
        ("change", "unlink"),
    ]


def test_a_workload_without_a_name_waits_for_it(batches: Batches) -> None:
    batches.hold(WORKLOAD.id, 1000)
    batches.observe(OPEN)
    assert batches.flush(90, OFFSET) == []
    assert batches.signs_of_life(999, OFFSET, 1) == []
    batches.name(WORKLOAD.id, Identity(pod="search-1", namespace="shop", labels=(Label(name="app", value="x"),)))
    batch = _one(batches.flush(95, OFFSET))
    assert (batch.pod, batch.namespace, batch.labels[0].value, len(batch.events)) == ("search-1", "shop", "x", 1)


def test_a_name_that_never_comes_ends_the_wait(batches: Batches) -> None:
    batches.hold(WORKLOAD.id, 1000)
    batches.observe(OPEN)
    assert _one(batches.flush(1000, OFFSET)).pod is None


def test_the_start_says_what_cannot_be_seen_and_what_loaded_it(batches: Batches) -> None:
    half = KernelHalf(features=("open",), missing={"bytes": "sock_send_length"}, front_end="core", release="6.18")
    batch = batches.start(WORKLOAD, half, 10, OFFSET)
    assert (batch.features, batch.front_end, batch.kernel) == (("open",), "core", "6.18")
    assert [(lack.feature, lack.lacks) for lack in batch.missing] == [("bytes", "sock_send_length")]


def test_being_blinded_is_told_of_every_workload(batches: Batches) -> None:
    batches.open(200, Workload(id="v"))
    told = batches.blinded(("sys_exit",), 90, OFFSET)
    assert [(batch.workload, batch.status, batch.features) for batch in told] == [
        ("w", "blinded", ("sys_exit",)),
        ("v", "blinded", ("sys_exit",)),
    ]


def test_a_loss_is_its_own_kind_of_batch(batches: Batches) -> None:
    batches.observe(OPEN)
    batches.lost(ROOT, 5, 40)
    assert [batch.status for batch in batches.flush(90, OFFSET)] == ["loss"]


def test_sums_found_late_are_not_dated_before_what_was_promised(batches: Batches) -> None:
    batches.observe(OPEN)
    batches.flush(90, OFFSET)
    batches.observe(replace(FLOW, mono_ns=60))
    assert [event.mono_ns for event in _one(batches.flush(120, OFFSET)).events] == [90]


def test_the_name_that_was_asked_for_is_told_with_its_digest(batches: Batches) -> None:
    batches.observe(replace(CONNECT, kind="dns", name=b"api.evil.test"))
    (event,) = _one(batches.flush(90, OFFSET)).events
    assert event.detail is not None
    assert (event.detail.name, event.digests) == ("api.evil.test", (KEYRING.digest("api.evil.test"),))


@given(
    st.lists(
        st.builds(
            lambda path, number, uid: replace(OPEN, path=path, result=number, open_flags=abs(number), uid=uid),
            st.binary(max_size=40),
            st.integers(-(2**63), 2**63 - 1),
            st.integers(-(2**31), 2**31 - 1),
        ),
        max_size=20,
    )
)
def test_whatever_the_kernel_reports_can_be_published(events: list[KernelEvent]) -> None:
    made = Batches(Origin(instance="s", boot_id="b", host="h"), KEYRING)
    made.open(ROOT, WORKLOAD)
    made.begin(ROOT, CALL)
    for event in events:
        made.observe(replace(event, open_flags=min(event.open_flags, 2**63 - 1)))
    told = made.flush(90, OFFSET)
    codec = bundled()
    assert [codec.decode(codec.encode(batch)) for batch in told] == told
    assert sum(event.count for batch in told for event in batch.events) == len(events)


@pytest.mark.parametrize(("source", "listed"), [(b"/home/ann/.ssh/id_rsa", 1), (b"/home/ann/notes", 0)])
def test_another_name_for_a_sensitive_file_is_told_before_the_first_call_too(source: bytes, listed: int) -> None:
    fresh = Batches(Origin(instance="s", boot_id="b", host="h"), KEYRING)
    fresh.open(ROOT, WORKLOAD)
    fresh.observe(replace(OPEN, kind="change", operation="link", epoch=1, path=b"/tmp/x", other_path=source))
    fresh.lost(ROOT, 1, 40)
    assert len(_one(fresh.flush(90, OFFSET)).events) == listed
