"""The lease on an event loop, against a sensor of the test's own; and the processes at both ends of a connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from patience import PATIENCE_S, until
from raw_http import post, replying, serving

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.http.address import Upstream
from triptych.producers.gateway.http.assembly import Gateway
from triptych.producers.gateway.http.client import ClientConnection
from triptych.producers.gateway.http.config import HttpConfig
from triptych.producers.gateway.http.lease import AsyncLease
from triptych.producers.gateway.http.process import ServerProcess
from triptych.producers.gateway.http.sockets import listening_process, process_of
from triptych.producers.gateway.observer.ledger import Call
from triptych.producers.gateway.spool.writer import Spool
from triptych.producers.lease import READY, Attach, Begin, End, Granted, Message, Refused, pack, parse

CALL_ID = "00000000-0000-7000-8000-{:012d}"


def _call(number: int) -> Call:
    return cast(Call, _Named(CALL_ID.format(number), f"{number:032x}"))


def _note(gone: list[tuple[int, str]], number: int, state: str) -> None:
    gone.append((number, state))


@dataclass
class _Named:
    call_id: str
    correlation_id: str
    key: None = None


@dataclass
class Sensor:
    """Writes down what it is told; answers begins while it is `prompt`."""

    told: list[Message] = field(default_factory=list)
    prompt: bool = True
    refuses: bool = False
    ends: list[socket.socket] = field(default_factory=list)

    async def serve(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            end, _ = await loop.sock_accept(listening)
            self.ends.append(end)
            loop.add_reader(end.fileno(), self._read, end)

    def answer(self, times: int) -> None:
        for _ in range(times):
            self.ends[-1].send(READY)

    def hang_up(self) -> None:
        end = self.ends.pop()
        asyncio.get_running_loop().remove_reader(end.fileno())
        end.close()

    def _read(self, end: socket.socket) -> None:
        data, fds, _, _ = socket.recv_fds(end, 4096, 4)
        for fd in fds:
            os.close(fd)
        if not data:
            asyncio.get_running_loop().remove_reader(end.fileno())
            return
        message = parse(data)
        self.told.append(message)
        if isinstance(message, Attach):
            granted = Refused("no") if self.refuses else Granted("pod-9", 7, 70)
            end.send(pack(granted))
        elif isinstance(message, Begin) and self.prompt:
            end.send(READY)


@contextlib.asynccontextmanager
async def _sensing(path: Path) -> AsyncIterator[Sensor]:
    sensor = Sensor()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.setblocking(False)
        serving = asyncio.ensure_future(sensor.serve(listening))
        try:
            yield sensor
        finally:
            serving.cancel()
            for end in sensor.ends:
                asyncio.get_running_loop().remove_reader(end.fileno())
                end.close()


@contextlib.asynccontextmanager
async def _leased(path: Path, ready_s: float = PATIENCE_S) -> AsyncIterator[tuple[AsyncLease, Sensor]]:
    async with _sensing(path) as sensor:
        lease = AsyncLease(path, "files", attach_s=PATIENCE_S, ready_s=ready_s)
        pidfd = os.pidfd_open(os.getpid())
        assert await lease.attach(pidfd) == Granted("pod-9", 7, 70)
        os.close(pidfd)
        yield lease, sensor
        lease.close()


async def test_a_call_goes_on_when_the_sensor_knows_it(tmp_path: Path) -> None:
    gone: list[str] = []
    async with _leased(tmp_path / "s") as (lease, sensor):
        sensor.prompt = False
        lease.begin([_call(1), _call(2)], gone.append)
        lease.begin([_call(3)], gone.append)
        await until(lambda: len(sensor.told) == 4)
        assert gone == []
        sensor.answer(2)
        await until(lambda: gone == ["granted"])
        sensor.answer(1)
        await until(lambda: gone == ["granted"] * 2)
        lease.end(_call(1))
        await until(lambda: sensor.told[-1] == End(CALL_ID.format(1)))


async def test_a_late_answer_costs_its_own_call_the_lease_and_no_other(tmp_path: Path) -> None:
    gone: list[tuple[int, str]] = []
    async with _leased(tmp_path / "s", ready_s=0.05) as (lease, sensor):
        sensor.prompt = False
        lease.begin([_call(1)], lambda state: gone.append((1, state)))
        await until(lambda: gone == [(1, "lost")])
        lease._ready_s = PATIENCE_S
        lease.begin([_call(2)], lambda state: gone.append((2, state)))
        sensor.answer(2)
        await until(lambda: gone == [(1, "lost"), (2, "granted")])
        assert lease.state == "granted"


async def test_each_call_waits_its_own_time_for_a_sensor_that_is_silent(tmp_path: Path) -> None:
    gone: list[tuple[int, str]] = []
    async with _leased(tmp_path / "s", ready_s=0.05) as (lease, sensor):
        sensor.prompt = False
        for number in (1, 2, 3):
            lease.begin([_call(number)], partial(_note, gone, number))
            await asyncio.sleep(0.01)
        await until(lambda: gone == [(1, "lost"), (2, "lost"), (3, "lost")])


async def test_a_sensor_that_hangs_up_lets_everyone_go_on(tmp_path: Path) -> None:
    gone: list[str] = []
    async with _leased(tmp_path / "s") as (lease, sensor):
        sensor.prompt = False
        lease.begin([_call(1)], gone.append)
        await until(lambda: len(sensor.told) == 2)
        sensor.hang_up()
        await until(lambda: gone == ["lost"])
        lease.begin([_call(2)], gone.append)
        assert gone == ["lost", "lost"]
        assert not lease.wanted  # a sensor that is gone is not asked before every call


async def test_without_a_sensor_nothing_waits() -> None:
    gone: list[str] = []
    AsyncLease(None, "files", attach_s=1, ready_s=1).begin([_call(1)], gone.append)
    assert gone == ["none"]


async def test_a_refused_lease_says_so(tmp_path: Path) -> None:
    async with _sensing(tmp_path / "s") as sensor:
        sensor.refuses = True
        lease = AsyncLease(tmp_path / "s", "files", attach_s=PATIENCE_S, ready_s=PATIENCE_S)
        pidfd = os.pidfd_open(os.getpid())
        assert await lease.attach(pidfd) is None
        os.close(pidfd)
        assert lease.state == "refused"


def _listening() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


async def test_the_process_behind_an_address_is_found() -> None:
    with _listening() as listening:
        port = listening.getsockname()[1]
        assert await asyncio.to_thread(listening_process, "localhost", port) == os.getpid()
        assert await asyncio.to_thread(listening_process, "192.0.2.1", port) is None
    assert await asyncio.to_thread(listening_process, "127.0.0.1", port) is None


async def test_a_socket_behind_a_descriptor_that_is_closed_while_they_are_looked_at_is_found() -> None:
    """As that of the listing itself is, which takes the lowest free number."""
    low = os.open(os.devnull, os.O_RDONLY)
    with _listening() as listening:
        assert low < listening.fileno()
        os.close(low)
        assert await asyncio.to_thread(listening_process, "127.0.0.1", listening.getsockname()[1]) == os.getpid()


async def test_the_process_at_the_other_end_of_a_connection_is_found() -> None:
    with _listening() as listening:
        code = f"import socket; s = socket.create_connection(('127.0.0.1', {listening.getsockname()[1]})); input()"
        dialling = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=asyncio.subprocess.PIPE)
        accepted, theirs = await asyncio.to_thread(listening.accept)
        with accepted:
            assert await asyncio.to_thread(process_of, accepted.getsockname(), theirs) == dialling.pid
        dialling.kill()
        await dialling.wait()


SERVER = """
import socket, sys
listening = socket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind(("127.0.0.1", int(sys.argv[1])))
listening.listen()
print(listening.getsockname()[1], flush=True)
input()
"""


async def _server(port: int) -> tuple[asyncio.subprocess.Process, int]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, str(port), stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    return process, int(await asyncio.wait_for(process.stdout.readline(), PATIENCE_S))


@pytest.mark.parametrize("with_sensor", [False, True])
async def test_a_server_that_was_started_again_is_found_again(tmp_path: Path, with_sensor: bool) -> None:
    found: list[tuple[str, Any]] = []
    first, port = await _server(0)
    async with _sensing(tmp_path / "s") as sensor:
        lease = AsyncLease(tmp_path / "s" if with_sensor else None, "files", attach_s=PATIENCE_S, ready_s=PATIENCE_S)
        upstream = Upstream.parse(f"http://127.0.0.1:{port}")
        process = ServerProcess(upstream, lease, "files", "", lambda workload, server: found.append((workload, server)))
        await process.settle()
        await process.settle()
        first.kill()
        await first.wait()
        second, _ = await _server(port)
        await until(lambda: process._pidfd < 0)
        await process.settle()
        second.kill()
        await second.wait()
        process.close()
    assert [server["pid"] for _, server in found] == [first.pid, second.pid]
    assert [message for message in sensor.told if isinstance(message, Attach)] == [Attach("files")] * 2 * with_sensor
    assert (found[0][0] == "pod-9") is with_sensor


CALL = post(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}')
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 36\r\n\r\n"
ANSWER += b'{"jsonrpc":"2.0","id":1,"result":{}}'


async def test_a_call_is_forwarded_between_its_beginning_and_its_end_at_the_sensor(
    tmp_path: Path, spooled: Callable[[], list[ProtocolEvent]]
) -> None:
    received: list[bytearray] = []
    async with _sensing(tmp_path / "s") as sensor, serving(replying(ANSWER), received) as port:
        sensor.prompt = False
        upstream = f"http://127.0.0.1:{port}/mcp"
        waits: dict[str, Any] = {"attach_ms": 60_000, "ready_ms": 60_000}
        config = HttpConfig(upstream=upstream, spool_dir=tmp_path / "spool", lease_socket=tmp_path / "s", **waits)
        spool = Spool(config.spool_dir, "instance", config.spool_bytes)
        gateway = Gateway(config, spool, "instance")
        front = await asyncio.get_running_loop().create_server(lambda: ClientConnection(gateway.proxy), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", front.sockets[0].getsockname()[1])
        writer.write(CALL)
        await until(lambda: isinstance(sensor.told[-1:][0] if sensor.told else None, Begin))
        assert (b"".join(received), spooled()) == (b"", [])
        sensor.answer(1)
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), PATIENCE_S) == ANSWER
        await until(lambda: len(spooled()) == 2)
        await until(lambda: [type(message) for message in sensor.told] == [Attach, Begin, End])
        front.close()
        await gateway.stop()
        spool.close()
    request, reply = spooled()
    assert {(event.workload, event.lease, event.server.start_ns) for event in (request, reply)} == {
        ("pod-9", "granted", 70)
    }
    assert [message.call_id for message in sensor.told if isinstance(message, Begin | End)] == [request.call_id] * 2
