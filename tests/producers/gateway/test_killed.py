"""A gateway killed in the middle of calls: whatever it forwarded is on disk, and reaches Kafka once by its id."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE_S

from triptych.models.events import ProtocolEvent
from triptych.models.wire import bundled

Consumed = Callable[[str, int], list[tuple[bytes, bytes]]]
CODEC = bundled()
CALLS = 200  # of one client
CLIENTS, EACH = 20, 1000  # over HTTP: client 3 numbers its calls from 3000
CALL = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"slow","arguments":{"n":%d}}}'
DONE = b'{"jsonrpc":"2.0","id":%d,"result":{"content":[]}}'

# Writes down every id before it does anything; answers the even ones.
STDIO_SERVER = """
import json, os, sys
seen = open(sys.argv[1], "w", buffering=1)
for line in sys.stdin:
    number = json.loads(line)["id"]
    seen.write(f"{number}\\n")
    if number % 2 == 0:
        os.write(1, b'{"jsonrpc":"2.0","id":%d,"result":{"content":[]}}\\n' % number)
"""


async def over_stdio(folder: Path) -> tuple[set[int], set[int]]:
    """Ids of the calls that reached the server, and of the answers that reached the client, when the gateway died."""
    gateway = [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--spool", str(folder / "spool"), "--"]
    process = await asyncio.create_subprocess_exec(
        *gateway,
        *(sys.executable, "-c", STDIO_SERVER, str(folder / "seen")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    answered = set()
    for number in range(CALLS):
        process.stdin.write(CALL % (number, number) + b"\n")
        if number % 2 == 0:
            answered.add(json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE_S))["id"])
    process.kill()
    await process.wait()
    return {int(line) for line in (folder / "seen").read_text().split()}, answered


async def over_http(folder: Path) -> tuple[set[int], set[int]]:
    """The same, of clients that each call again once they are answered."""
    seen: set[int] = set()
    answered: set[int] = set()
    under_way = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                number = json.loads(await reader.readexactly(length(head)))["id"]
                seen.add(number)
                writer.write(http(b"HTTP/1.1 200 OK", DONE % number))
        writer.close()

    async def client(first: int, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            for number in range(first, first + EACH):
                writer.write(http(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d" % port, CALL % (number, number)))
                await reader.readexactly(length(await reader.readuntil(b"\r\n\r\n")))
                answered.add(number)
                if len(answered) >= CALLS:
                    under_way.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    (folder / "spool").mkdir()
    upstream = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "triptych.infra.conformance.front", upstream, str(folder / "spool")),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    address = re.search(rb":(\d+) for", await asyncio.wait_for(process.stderr.readline(), PATIENCE_S))
    assert address
    clients = [asyncio.create_task(client(EACH * number, int(address[1]))) for number in range(CLIENTS)]
    await asyncio.wait_for(under_way.wait(), PATIENCE_S)
    process.kill()
    await process.wait()
    await asyncio.gather(*clients)
    server.close()
    return set(seen), set(answered)


def http(first: bytes, body: bytes) -> bytes:
    return first + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def length(head: bytes) -> int:
    found = re.search(rb"(?i)content-length: (\d+)", head)
    assert found
    return int(found[1])


@pytest.mark.parametrize("transport", [over_stdio, over_http])
async def test_what_was_forwarded_reaches_kafka_once(
    transport: Callable[[Path], object],
    tmp_path: Path,
    broker: str,
    consumed: Consumed,
    spooled: Callable[[], list[ProtocolEvent]],
) -> None:
    reached, answered = await transport(tmp_path)  # type: ignore[misc]
    kept = spooled()
    assert answered
    assert reached <= ids(kept, "request")
    untold = answered - ids(kept, "response")
    assert untold <= last(answered), "an answer is forwarded before it is described, and described before the next"
    topic = transport.__name__
    ship(tmp_path / "spool", broker, topic)
    arrived = [CODEC.decode(value, ProtocolEvent) for _, value in consumed(topic, len(kept))]
    assert sorted(event.event_id for event in arrived) == sorted({event.event_id for event in kept})
    assert list((tmp_path / "spool").glob("*.spool")) == []


def last(answered: set[int]) -> set[int]:
    """The latest answer of each client."""
    return {max(number for number in answered if number // EACH == one) for one in {n // EACH for n in answered}}


def ids(events: list[ProtocolEvent], kind: str) -> set[int]:
    return {int(event.jsonrpc_id) for event in events if event.kind == kind and event.jsonrpc_id}


def ship(folder: Path, broker: str, topic: str) -> None:
    module = [sys.executable, "-m", "triptych.producers.gateway.spool.ship", "--spool", str(folder)]
    done = subprocess.run(
        [*module, "--bootstrap", broker, "--topic", topic, "--idle-exit", "0.2"],
        env=os.environ,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0
