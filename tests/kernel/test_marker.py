"""The server's own marker, from a prctl that the kernel refuses to the binding: a choice among the calls in flight."""

from __future__ import annotations

from pathlib import Path

import pytest
from patience import eventually

from triptych.producers.shim import MAGIC, mark

from .conftest import Gateway, Running, Server

pytestmark = pytest.mark.kernel

SHIM = f"import ctypes; mark = lambda value: ctypes.CDLL(None).prctl({MAGIC}, ctypes.c_ulong(value), 0, 0, 0)"


@pytest.fixture
def marking(server: Server, gateway: Gateway) -> Server:
    server.do(SHIM)
    return server


def test_of_calls_at_the_same_time_the_marked_one_is_it(
    running: Running, marking: Server, gateway: Gateway, tmp_path: Path
) -> None:
    calls = {"1": gateway.begin("1"), '"2"': gateway.begin('"2"')}
    for request, call in calls.items():
        marking.do(f"mark({mark(request)}); open('{tmp_path}/{call.call_id}', 'w').close()")
    marking.do(f"mark(0); open('{tmp_path}/unmarked', 'w').close()")
    running.told.settled()
    seen = running.told.events("open", lambda event: (event.path or "").startswith(str(tmp_path)))
    assert [(one.calls, one.event.binding, one.event.evidence) for one in seen] == [
        *(((call,), "cooperative", "marked") for call in calls.values()),
        (tuple(calls.values()), "candidates", "leased"),
    ]


def test_a_marker_is_of_its_thread_alone(running: Running, marking: Server, gateway: Gateway, tmp_path: Path) -> None:
    calls = gateway.begin("1"), gateway.begin("2")
    work = f"open('{tmp_path}/thread', 'w').close()"
    marking.do(f"mark({mark('1')}); t = threading.Thread(target=lambda: {work}); t.start(); t.join(); mark(0)")
    running.told.settled()
    (seen,) = running.told.events("open", lambda event: event.path == f"{tmp_path}/thread")
    assert (seen.calls, seen.event.binding) == (calls, "candidates")


def test_a_child_of_a_marked_thread_is_of_its_call_after_the_reply_too(
    running: Running, marking: Server, gateway: Gateway, tmp_path: Path
) -> None:
    first, _ = gateway.begin("1"), gateway.begin("2")
    quiet = "stdin=subprocess.DEVNULL, start_new_session=True"
    late = f"subprocess.Popen(['sh', '-c', ': > {tmp_path}/now; sleep 0.3; : > {tmp_path}/late'], {quiet})"
    marking.do(f"mark({mark('1')}); {late}; mark(0)")
    eventually((tmp_path / "now").exists)
    gateway.end(first)
    gateway.begin("3")
    eventually((tmp_path / "late").exists)
    running.told.settled()
    seen = running.told.events("open", lambda event: (event.path or "").startswith(str(tmp_path)))
    assert {(Path(one.event.path or "").name, one.calls, one.event.binding) for one in seen} == {
        ("now", (first,), "cooperative"),
        ("late", (first,), "cooperative"),
    }


def test_a_lie_can_only_name_a_call_in_flight_on_its_own_server(
    running: Running, marking: Server, gateway: Gateway, tmp_path: Path
) -> None:
    ended = gateway.begin("1")
    gateway.end(ended)
    calls = gateway.begin("2"), gateway.begin("3")
    for lie in (mark("1"), mark("4"), 1):
        marking.do(f"mark({lie}); open('{tmp_path}/{lie}', 'w').close(); mark(0)")
    running.told.settled()
    seen = running.told.events("open", lambda event: (event.path or "").startswith(str(tmp_path)))
    assert [(one.calls, one.event.binding) for one in seen] == [(calls, "candidates")] * 3


def test_bytes_of_a_connection_that_calls_share_go_to_the_marked_call(
    running: Running, marking: Server, gateway: Gateway
) -> None:
    calls = gateway.begin("1"), gateway.begin("2")
    marking.do(
        "listener = socket.create_server(('127.0.0.1', 0)); kept = socket.create_connection(listener.getsockname())"
    )
    for request, size in (("1", 100), ("2", 2000)):
        marking.do(f"mark({mark(request)}); kept.sendall(bytes({size})); mark(0)")
    running.told.settled()
    sent = {one.calls: one.event.bytes_out for one in running.told.events("flow") if one.event.bytes_out}
    assert sent == {(calls[0],): 100, (calls[1],): 2000}
