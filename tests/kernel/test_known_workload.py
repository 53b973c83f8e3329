"""A known workload of a prime number of events: as many must come out, bound to the call that made them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from .conftest import Gateway, Running, Server

pytestmark = pytest.mark.kernel

N = 23


def test_every_open_comes_out_once_with_the_path_the_kernel_resolved(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for number in range(N):
        (tmp_path / f"f{number}").touch()
    call = gateway.begin()
    server.do(f"for n in range({N}): open(f'{tmp_path}/link/f{{n}}').close()")
    gateway.end(call)
    running.told.settled()
    seen = running.told.events("open", lambda event: (event.path or "").startswith(str(tmp_path)))
    assert sorted(bound.event.path or "" for bound in seen) == sorted(f"{tmp_path}/f{number}" for number in range(N))
    assert {(bound.calls, bound.event.binding, bound.event.evidence) for bound in seen} == {
        ((call,), "exact", "leased")
    }
    assert {bound.event.path_source for bound in seen} == {"kernel"}


def test_equal_opens_are_told_once_with_their_count(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    path = tmp_path / "same"
    path.touch()
    call = gateway.begin()
    server.do(f"for _ in range({N}): open({str(path)!r}).close()")
    gateway.end(call)
    running.told.settled()
    assert running.told.count("open", lambda event: event.path == str(path)) == N
    assert len(running.told.events("open", lambda event: event.path == str(path))) < N


def test_a_refused_open_is_told_with_its_error(running: Running, server: Server, gateway: Gateway) -> None:
    call = gateway.begin()
    server.do("os.chdir('/tmp')\ntry: open('nowhere/../absent')\nexcept OSError: pass")
    gateway.end(call)
    running.told.settled()
    (seen,) = running.told.events("open", lambda event: event.path == "/tmp/absent")
    assert (seen.event.result, seen.event.path_source) == (-2, "argument")


def test_every_process_comes_out_with_its_fork_exec_and_exit(
    running: Running, server: Server, gateway: Gateway
) -> None:
    call = gateway.begin()
    server.do(f"for n in range({N}): subprocess.run(['/bin/true', '--token=hunter2hunter2', str(n)])")
    gateway.end(call)
    running.told.settled()
    told = running.told
    execs = told.events("exec", lambda event: (event.path or "").endswith("/true"))
    children = {bound.event.pid for bound in execs}
    assert len(execs) == len(children) == N
    assert told.count("fork", lambda event: event.result in children) == N
    assert told.count("exit", lambda event: event.pid in children and event.result == 0) == N
    assert sorted(int(bound.event.arguments[2]) for bound in execs) == list(range(N))
    assert {bound.event.arguments[1] for bound in execs} == {"--token=[redacted]"}
    assert {(bound.calls, bound.event.evidence) for bound in execs} == {((call,), "forked-under-call")}
    assert {bound.event.ppid for bound in execs} == {server.process.pid}


def test_every_connection_and_every_byte_comes_out(running: Running, server: Server, gateway: Gateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        call = gateway.begin()
        server.do(
            f"for n in range({N}):\n"
            f"    with socket.create_connection(('127.0.0.1', {port})) as s: s.sendall(bytes(1000 + n))"
        )
        gateway.end(call)
        running.told.settled()
    to_us = running.told.events("connect", lambda event: (event.address, event.port) == ("127.0.0.1", port))
    assert sum(bound.event.count for bound in to_us) == N
    flows = running.told.events("flow", lambda event: event.port == port)
    assert sum(bound.event.bytes_out for bound in flows) == sum(1000 + number for number in range(N))
    assert {bound.calls for bound in to_us + flows} == {(call,)}


def test_a_connection_kept_alive_is_split_by_call(running: Running, server: Server, gateway: Gateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.do(f"kept = socket.create_connection({listener.getsockname()!r})")
        calls = []
        for size in (100, 2000):
            calls.append(gateway.begin())
            server.do(f"kept.sendall(bytes({size}))")
            gateway.end(calls[-1])
        running.told.settled()
    sent = {bound.calls: bound.event.bytes_out for bound in running.told.events("flow") if bound.event.bytes_out}
    assert sent == {(calls[0],): 100, (calls[1],): 2000}
