"""Two hundred calls at once and results of ten megabytes: every byte arrives, and memory does not grow."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from triptych.models.events import ProtocolEvent

CALL = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"read","arguments":{"size":%d}}}'
MANY, SMALL = 200, 20_000
FEW, READ, LARGE = 8, 6_000_000, 10_000_000  # the gateway reads what is below 8 MiB, and counts the rest
ROUNDS, WAITS_S = 6, 60


def answer(number: int, size: int) -> bytes:
    """A result of about `size` bytes that differs from any other."""
    word = hashlib.sha256(b"%d %d" % (number, size)).hexdigest().encode() + b" "
    text = word * (size // len(word))
    return b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"%s"}]}}' % (number, text)


def http(first: bytes, body: bytes) -> bytes:
    return first + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def length(head: bytes) -> int:
    found = re.search(rb"(?i)content-length: (\d+)", head)
    assert found
    return int(found[1])


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            call = json.loads(await reader.readexactly(length(head)))
            body = answer(call["id"], call["params"]["arguments"]["size"])
            writer.write(http(b"HTTP/1.1 200 OK", body))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """Port and pid of a gateway before the server above."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "triptych.infra.conformance.front", upstream, str(folder)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    address = re.search(rb":(\d+) for", await asyncio.wait_for(process.stderr.readline(), WAITS_S))
    assert address
    try:
        yield int(address[1]), process.pid
    finally:
        process.terminate()
        _, said = await process.communicate()
        assert (process.returncode, said) == (0, b"")
        server.close()


async def call(port: int, number: int, size: int) -> bool:
    """Whether the result of a call came as the server sent it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(http(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1", CALL % (number, size)))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAITS_S)
    body = await asyncio.wait_for(reader.readexactly(length(head)), WAITS_S)
    writer.close()
    return body == answer(number, size)


def resident(pid: int) -> int:
    """Kilobytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


async def test_nothing_is_lost_and_memory_stays(tmp_path: Path, spooled: Callable[[], list[ProtocolEvent]]) -> None:
    held: list[int] = []
    (tmp_path / "spool").mkdir()
    async with gateway(tmp_path / "spool") as (port, pid):
        for _ in range(ROUNDS):
            for count, size in ((MANY, SMALL), (FEW, READ), (FEW, LARGE)):
                came = await asyncio.gather(*(call(port, number, size) for number in range(count)))
                assert came == [True] * count
            held.append(resident(pid))
    half = ROUNDS // 2  # of a leak each round would show; what an allocator keeps for a while comes and goes
    assert max(held[half:]) < 1.4 * max(held[:half])
    calls = ROUNDS * (MANY + 2 * FEW)
    assert Counter(event.kind for event in spooled()) == {"request": calls, "response": calls}
