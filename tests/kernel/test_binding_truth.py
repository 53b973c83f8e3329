"""Every opened path carries the id of the call that made it, so each binding can be held against the truth."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from patience import eventually

from triptych.models.events import CallRef

from .conftest import Bound, Gateway, Running, Server, Start

pytestmark = pytest.mark.kernel


def _marked(running: Running, folder: Path) -> list[Bound]:
    return running.told.events("open", lambda event: (event.path or "").startswith(str(folder)))


def _truth(bound: Bound, calls: Iterable[CallRef]) -> CallRef:
    return next(call for call in calls if call.call_id in (bound.event.path or ""))


def test_with_one_call_in_flight_every_effect_is_bound_to_it_exactly(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    calls = []
    for _ in range(20):
        calls.append(gateway.begin())
        server.do(f"open('{tmp_path}/{calls[-1].call_id}', 'w').close()")
        gateway.end(calls[-1])
    running.told.settled()
    seen = _marked(running, tmp_path)
    assert [(bound.calls, bound.event.binding) for bound in seen] == [((call,), "exact") for call in calls]


def test_with_four_in_flight_the_truth_is_a_candidate_and_no_exact_binding_is_wrong(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    calls, in_flight = [], []
    for _ in range(24):
        calls.append(gateway.begin())
        in_flight.append(calls[-1])
        for call in in_flight:
            server.do(f"open('{tmp_path}/{call.call_id}', 'w').close()")
        if len(in_flight) == 4:
            gateway.end(in_flight.pop(0))
    running.told.settled()
    seen = _marked(running, tmp_path)
    assert sum(bound.event.count for bound in seen) == 1 + 2 + 3 + 21 * 4
    assert all(_truth(bound, calls) in bound.calls for bound in seen)
    assert all(len(bound.calls) == 1 for bound in seen if bound.event.binding == "exact")
    assert {bound.event.binding for bound in seen} == {"exact", "candidates"}


def test_a_child_is_its_calls_and_so_is_a_daemon_that_acts_after_the_reply(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    first = gateway.begin()
    server.do(f"subprocess.run(['touch', '{tmp_path}/{first.call_id}-child'])")
    server.do(f"subprocess.run(['sh', '-c', '(setsid sh -c \"sleep 0.3; : > {tmp_path}/{first.call_id}-daemon\" &)'])")
    gateway.end(first)
    eventually((tmp_path / f"{first.call_id}-daemon").exists)
    second = gateway.begin()
    server.do(f"open('{tmp_path}/{second.call_id}', 'w').close()")
    gateway.end(second)
    running.told.settled()
    seen = {Path(bound.event.path or "").name: bound for bound in _marked(running, tmp_path)}
    assert set(seen) == {f"{first.call_id}-child", f"{first.call_id}-daemon", second.call_id}
    assert all(bound.calls == (_truth(bound, (first, second)),) for bound in seen.values())
    daemon = seen.pop(f"{first.call_id}-daemon").event
    assert (daemon.binding, daemon.evidence) == ("exact", "forked-under-ended-call")
    assert {bound.event.binding for bound in seen.values()} == {"exact"}


def test_a_daemon_to_which_nobody_speaks_stays_its_calls_however_many_came_later(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    first = gateway.begin()
    quiet = "stdin=subprocess.DEVNULL, start_new_session=True"
    server.do(f"subprocess.Popen(['sh', '-c', 'sleep 0.3; : > {tmp_path}/{first.call_id}'], {quiet})")
    gateway.end(first)
    for _ in range(3):
        gateway.begin()
    eventually((tmp_path / first.call_id).exists)
    running.told.settled()
    (seen,) = _marked(running, tmp_path)
    assert (seen.calls, seen.event.binding) == ((first,), "exact")


def test_a_worker_born_in_a_call_is_never_exactly_its_while_a_later_one_is_in_flight(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    first = gateway.begin()
    server.do("from concurrent.futures import ProcessPoolExecutor as Pool; pool = Pool(1); pool.submit(int).result()")
    second = gateway.begin()
    server.do(f"pool.submit(exec, \"open('{tmp_path}/{second.call_id}', 'w').close()\").result()")
    running.told.settled()
    (seen,) = _marked(running, tmp_path)
    assert (seen.calls, seen.event.binding) == ((first, second), "candidates")
    assert seen.event.evidence == "helper-of-an-earlier-call"
    server.do("pool.shutdown()")


def test_what_a_server_did_before_a_late_begin_may_be_of_that_call(
    start: Start, server: Server, tmp_path: Path
) -> None:
    running = start(flush_ms=1000, heartbeat_s=5.0)  # as slow as a sensor that is late
    gateway = Gateway(running.socket)
    gateway.attach(server.process.pid)
    first, waited = gateway.begin(), time.monotonic_ns()
    server.do(f"open('{tmp_path}/early', 'w').close()")
    second = gateway.begin(forwards_ns=waited)
    eventually(lambda: bool(_marked(running, tmp_path)))
    gateway.close()
    (seen,) = _marked(running, tmp_path)
    assert (seen.calls, seen.event.binding) == ((first, second), "candidates")
    assert (seen.event.evidence, running.sensor.counters["late-begins"]) == ("begun-late", 1)


def test_a_helper_forked_under_one_call_and_used_by_another_is_never_bound_exactly_to_the_first(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    first = gateway.begin()
    server.do("helper = subprocess.Popen(['sh'], stdin=subprocess.PIPE)")
    gateway.end(first)
    second = gateway.begin()
    server.do(f"helper.stdin.write(b': > {tmp_path}/{second.call_id}\\n'); helper.stdin.close(); helper.wait()")
    gateway.end(second)
    running.told.settled()
    (seen,) = _marked(running, tmp_path)
    assert (seen.calls, seen.event.binding) == ((first, second), "candidates")
    assert seen.event.evidence == "helper-of-an-earlier-call"


def test_threads_of_the_server_are_the_server(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    call = gateway.begin()
    server.do(
        f"t = threading.Thread(target=lambda: open('{tmp_path}/{call.call_id}', 'w').close()); t.start(); t.join()"
    )
    gateway.end(call)
    running.told.settled()
    (seen,) = _marked(running, tmp_path)
    assert (seen.calls, seen.event.evidence) == ((call,), "leased")
    assert seen.event.tid != seen.event.pid == server.process.pid


def test_work_between_calls_is_background(running: Running, server: Server, gateway: Gateway, tmp_path: Path) -> None:
    gateway.end(gateway.begin())
    running.told.settled()  # an end has no answer to wait for
    server.do(f"open('{tmp_path}/between', 'w').close()")
    running.told.settled()
    (seen,) = _marked(running, tmp_path)
    assert (seen.calls, seen.event.binding, seen.event.evidence) == ((), "none", "background")


def test_start_up_before_the_first_call_is_counted_and_not_listed(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    server.do(f"for n in range(23): open(f'{tmp_path}/{{n}}', 'w').close()")
    running.told.settled()
    assert _marked(running, tmp_path) == []
    assert sum(batch.summarised for batch in running.told.batches) == 23


def test_what_the_server_forked_before_the_lease_is_watched_too(
    running: Running, server: Server, tmp_path: Path
) -> None:
    server.do("worker = subprocess.Popen(['sh'], stdin=subprocess.PIPE)")
    gateway = Gateway(running.socket)
    gateway.attach(server.process.pid)
    call = gateway.begin()
    server.do(f"worker.stdin.write(b': > {tmp_path}/{call.call_id}\\n'); worker.stdin.close(); worker.wait()")
    gateway.end(call)
    running.told.settled()
    gateway.close()
    (seen,) = _marked(running, tmp_path)
    assert (seen.calls, seen.event.binding, seen.event.evidence) == ((call,), "exact", "leased")
    assert seen.event.pid != server.process.pid


def test_two_servers_never_share_a_call(running: Running, server: Server, gateway: Gateway, tmp_path: Path) -> None:
    other = Server()
    try:
        theirs = Gateway(running.socket)
        theirs.attach(other.process.pid)
        one, two = gateway.begin(), theirs.begin()
        server.do(f"open('{tmp_path}/{one.call_id}', 'w').close()")
        other.do(f"open('{tmp_path}/{two.call_id}', 'w').close()")
        eventually(lambda: len(_marked(running, tmp_path)) >= 2)  # each workload has its own batches
        running.told.settled()
        seen = _marked(running, tmp_path)
        assert {bound.calls for bound in seen} == {(one,), (two,)}
        assert all(bound.calls == (_truth(bound, (one, two)),) for bound in seen)
        theirs.close()
    finally:
        other.close()
