"""The gateway as a process: started, dialled over TCP and a unix socket, ended, and killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S, until
from raw_http import post, replying, request_of, serving

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.http.address import Listen

RUN = """
import json, sys
from pathlib import Path
from triptych.models.errors import TriptychError
from triptych.producers.gateway.http.config import HttpConfig
from triptych.producers.gateway.http.main import run
try:
    settings = json.loads(sys.argv[1])
    paths = {name: Path(settings.pop(name)) for name in ("spool_dir", "key_file")}
    sys.exit(run(HttpConfig(**settings, **paths)))
except TriptychError as error:
    sys.exit(str(error))
"""
CALL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read"}}).encode()
BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {}}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
Spooled = Callable[[], list[ProtocolEvent]]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    return {"spool_dir": str(tmp_path / "spool"), "key_file": str(key), "listen": "127.0.0.1:0", "server": "files"}


@contextlib.asynccontextmanager
async def _running(settings: dict[str, Any]) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The process and where it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, json.dumps(settings), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        line = (await asyncio.wait_for(process.stderr.readline(), PATIENCE_S)).decode()
        assert line.startswith("triptych-gateway: listening on "), line
        yield process, line.split()[3]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _dial(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    listen = Listen.parse(address.removeprefix("http://"))
    if listen.path:
        return await asyncio.open_unix_connection(listen.path)
    return await asyncio.open_connection(listen.host, listen.port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_finishes_what_is_in_flight_and_ends_with_status_0(
    settings: dict[str, Any], spooled: Spooled, number: signal.Signals
) -> None:
    go_on = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await go_on.wait()
        writer.write(ANSWER)

    async with (
        serving(waits, []) as port,
        _running(settings | {"upstream": f"http://127.0.0.1:{port}/mcp"}) as (process, address),
    ):
        reader, writer = await _dial(address)
        writer.write(post(CALL))
        await until(lambda: len(spooled()) == 1)
        process.send_signal(number)
        await asyncio.sleep(0.1)
        go_on.set()
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == ANSWER
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    assert [event.kind for event in spooled()] == ["request", "response"]


async def test_a_kill_leaves_every_forwarded_message_on_disk(settings: dict[str, Any], spooled: Spooled) -> None:
    received: list[bytearray] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with (
        serving(silent, received) as port,
        _running(settings | {"upstream": f"http://127.0.0.1:{port}/mcp"}) as (process, address),
    ):
        for _ in range(20):
            _, writer = await _dial(address)
            writer.write(post(CALL))
        await until(lambda: any(data.endswith(CALL) for data in received))
        process.kill()
        await process.wait()
        await asyncio.sleep(0.05)
    forwarded = sum(bytes(data).endswith(CALL) for data in received)
    assert forwarded > 0
    assert len(spooled()) >= forwarded


async def test_on_a_unix_socket_the_kernel_names_the_peer(
    settings: dict[str, Any], spooled: Spooled, tmp_path: Path
) -> None:
    path = tmp_path / "gateway.sock"
    settings["listen"] = f"unix:{path}"
    async with (
        serving(replying(ANSWER), []) as port,
        _running(settings | {"upstream": f"http://127.0.0.1:{port}/mcp"}) as (process, address),
    ):
        assert path.stat().st_mode & 0o777 == 0o600
        reader, writer = await _dial(address)
        writer.write(post(CALL))
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), PATIENCE_S) == ANSWER
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    request = spooled()[0]
    assert request.peer is not None
    assert (request.peer.pid, request.peer.uid) == (os.getpid(), os.getuid())
    assert request.peer.executable is not None
    assert (request.principal.kind, request.principal.id) == ("os_user", f"uid:{os.getuid()}")
    assert not path.exists()


async def test_a_socket_that_a_killed_gateway_left_is_taken_over(settings: dict[str, Any], tmp_path: Path) -> None:
    settings |= {"listen": f"unix:{tmp_path / 'gateway.sock'}", "upstream": "http://127.0.0.1:1/mcp"}
    async with _running(settings) as (process, _):
        process.kill()
        await process.wait()
    async with _running(settings) as (process, _):
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RUN, json.dumps(settings), stderr=asyncio.subprocess.PIPE
        )
        _, said = await asyncio.wait_for(second.communicate(), PATIENCE_S)
        assert second.returncode == 1
        assert said.startswith(b"G11 ")


async def test_a_server_on_a_unix_socket_is_found_as_a_process(
    settings: dict[str, Any], spooled: Spooled, tmp_path: Path
) -> None:
    path = tmp_path / "server.sock"
    server = await asyncio.start_unix_server(replying(ANSWER), path)
    async with server, _running(settings | {"upstream": f"unix://{path}"}) as (_, address):
        reader, writer = await _dial(address)
        writer.write(post(CALL))
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), PATIENCE_S) == ANSWER
        await until(lambda: len(spooled()) == 2)
        writer.close()
    assert [event.server.pid for event in spooled()] == [os.getpid()] * 2


async def test_tls_to_the_server_is_verified(settings: dict[str, Any], tmp_path: Path) -> None:
    import ssl  # noqa: PLC0415

    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    more = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)  # noqa: ASYNC221
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(replying(ANSWER), "localhost", 0, ssl=context)
    upstream = {"upstream": f"https://localhost:{server.sockets[0].getsockname()[1]}/mcp"}
    async with server:
        async with _running(settings | upstream | {"ca_file": str(certificate)}) as (_, address):
            assert await _exchanged(address) == ANSWER
        async with _running(settings | upstream) as (_, address):
            assert (await _exchanged(address)).startswith(b"HTTP/1.1 502 ")


async def _exchanged(address: str) -> bytes:
    reader, writer = await _dial(address)
    writer.write(post(CALL, b"Connection: close"))
    return await asyncio.wait_for(reader.read(), PATIENCE_S)


async def test_an_address_in_use_is_told_with_its_code(settings: dict[str, Any]) -> None:
    async with serving(replying(ANSWER), []) as port:
        taken = settings | {"listen": f"127.0.0.1:{port}", "upstream": "http://127.0.0.1:1"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RUN, json.dumps(taken), stderr=asyncio.subprocess.PIPE
        )
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 1
    assert said.startswith(b"G11 ")
