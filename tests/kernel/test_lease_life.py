"""The lease as a gateway lives it: granted, refused, lost; and what the workload's stream says of it."""

from __future__ import annotations

import itertools
import os
import socket
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from patience import PATIENCE_S, eventually

from triptych.producers.lease import Attach, Begin, Granted, Refused, pack, parse

from .conftest import Gateway, Running, Server, Start

pytestmark = pytest.mark.kernel


def _statuses(running: Running) -> list[str]:
    return [status for status, _ in itertools.groupby(batch.status for batch in running.told.batches)]


def test_a_lease_names_the_workload_and_starts_its_stream(running: Running, server: Server) -> None:
    gateway = Gateway(running.socket)
    granted = gateway.attach(server.process.pid)
    gateway.close()
    assert isinstance(granted, Granted)
    assert granted.pid == server.process.pid
    eventually(lambda: bool(running.told.batches))
    first = running.told.batches[0]
    assert (first.status, first.workload, first.sequence) == ("start", granted.workload, 1)
    assert {"lineage", "open", "connect", "bytes"} <= set(first.features)


def test_a_silent_workload_shows_a_heartbeat_and_time_never_runs_back(
    running: Running, server: Server, gateway: Gateway
) -> None:
    gateway.end(gateway.begin())
    eventually(lambda: _statuses(running).count("heartbeat") >= 1 and len(running.told.batches) >= 4)
    batches = running.told.batches
    assert [batch.sequence for batch in batches] == list(range(1, len(batches) + 1))
    assert [batch.mono_ns for batch in batches] == sorted(batch.mono_ns for batch in batches)


def test_no_event_is_older_than_the_watermark_before_it(running: Running, server: Server, gateway: Gateway) -> None:
    for _ in range(50):
        call = gateway.begin()
        server.do("subprocess.run(['/bin/true'])")
        gateway.end(call)
    running.told.settled()
    assert len(running.told.batches) > 10
    watermark = 0
    for batch in running.told.batches:
        assert all(event.mono_ns >= watermark for event in batch.events)
        watermark = batch.mono_ns


def test_a_gateway_that_goes_ends_its_calls_and_the_watch_outlives_it_until_the_server_goes(
    running: Running, server: Server
) -> None:
    gateway = Gateway(running.socket)
    gateway.attach(server.process.pid)
    gateway.begin()
    gateway.close()
    running.told.settled()
    server.do("open('/etc/hostname').close()")
    running.told.settled()
    (seen,) = running.told.events("open", lambda event: event.path == "/etc/hostname")
    assert seen.event.evidence == "background"
    server.close()
    eventually(lambda: running.told.batches[-1].status == "stop")
    assert running.told.batches[-1].features == ("server-gone",)


def test_a_stopped_sensor_says_so(start: Start, server: Server) -> None:
    running = start()
    gateway = Gateway(running.socket)
    gateway.attach(server.process.pid)
    start.stop()
    assert running.told.batches[-1].features == ("sensor-stopped",)
    assert not running.socket.exists()


def test_a_process_that_is_no_child_of_the_gateway_is_refused(running: Running) -> None:
    refused = Gateway(running.socket).attach(os.getppid())
    assert isinstance(refused, Refused)
    assert "no child" in refused.reason


IMPOSTOR = """
go_r, go_w = os.pipe()
child = os.fork()
if child == 0:
    os.read(go_r, 1); open({path!r}, 'w').close(); os._exit(0)
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); line.connect({lease!r})
socket.send_fds(line, [b'A{{"server":"harmless","version":1}}'], [os.pidfd_open(child)])
answer = line.recv(4096)
os.write(go_w, b'x'); os.waitpid(child, 0)
open({path!r} + '.answer', 'wb').write(answer)
"""
# The one that asks is an orphan of init by then: only the kernel's book still knows where it belongs.
ORPHAN = """
if os.fork() == 0:
    os.setsid(); parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent: pass
{body}
        os.rename({path!r} + '.answer', {path!r} + '.done'); os._exit(0)
    os._exit(0)
os.wait()
"""


def test_a_server_cannot_take_its_own_child_out_of_the_call(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    path = str(tmp_path / "stolen")
    call = gateway.begin()
    server.do(IMPOSTOR.format(path=path, lease=str(running.socket)))
    gateway.end(call)
    running.told.settled()
    assert isinstance(parse((tmp_path / "stolen.answer").read_bytes()), Refused)
    (seen,) = running.told.events("open", lambda event: event.path == path)
    assert (seen.calls, seen.event.binding) == ((call,), "exact")
    assert running.sensor.counters["impostor"] == 1


def test_a_descendant_that_got_itself_adopted_is_still_refused(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    path = str(tmp_path / "stolen")
    body = textwrap.indent(IMPOSTOR.format(path=path, lease=str(running.socket)), " " * 8)
    call = gateway.begin()
    server.do(ORPHAN.format(path=path, body=body))
    eventually((tmp_path / "stolen.done").exists)
    gateway.end(call)
    assert isinstance(parse((tmp_path / "stolen.done").read_bytes()), Refused)
    assert running.sensor.counters["impostor"] == 1


def test_a_server_has_one_lease(running: Running, server: Server, gateway: Gateway) -> None:
    assert isinstance(Gateway(running.socket).attach(server.process.pid), Refused)
    gateway.end(gateway.begin())


@pytest.mark.parametrize(
    "packet",
    [
        b"nonsense",
        b"A{",
        b"A{}",
        pack(Begin("0190b5a0-0000-7000-8000-000000000001", "0" * 32)),
        pack(Attach("no pidfd")),
    ],
)
def test_a_packet_that_does_not_belong_costs_only_its_sender(
    running: Running, server: Server, gateway: Gateway, packet: bytes
) -> None:
    stranger = Gateway(running.socket).socket
    stranger.send(packet)
    assert isinstance(parse(stranger.recv(4096)), Refused)
    assert stranger.recv(4096) == b""
    gateway.end(gateway.begin())


def test_only_the_owner_may_connect(running: Running) -> None:
    assert stat.S_IMODE(running.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(running.socket.parent.stat().st_mode) == 0o700


def test_a_second_sensor_on_the_same_socket_says_so(running: Running) -> None:
    command = (
        "import sys; from pathlib import Path\n"
        "from triptych.producers.sensor.lease import LeaseServer\n"
        "LeaseServer(Path(sys.argv[1]), None)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", command, running.socket], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert "another sensor serves" in ran.stderr
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as still_there:
        still_there.connect(str(running.socket))


def test_the_exec_that_follows_an_early_lease_is_seen(running: Running) -> None:
    child = subprocess.Popen(["/bin/sh", "-c", "read go; exec /bin/true"], stdin=subprocess.PIPE)
    gateway = Gateway(running.socket)
    gateway.attach(child.pid)
    child.communicate(b"\n")
    eventually(lambda: bool(running.told.events("exec")))
    gateway.close()
    assert running.told.events("exec")[0].event.pid == child.pid
