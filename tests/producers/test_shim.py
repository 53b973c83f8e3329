"""The shim: every thread says which call it works for, on any loop, and unsays it. No kernel listens here."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
import uvloop
from patience import PATIENCE_S

from triptych.producers import shim
from triptych.producers.shim import MAGIC, call, mark

ONE, TWO = mark("1"), mark('"two"')


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, int]]:
    """What each thread said last, by its id. Everything the shim replaces is put back."""
    said: dict[int, int] = {}

    def prctl(option: int, value: int, *_: int) -> int:
        assert option == MAGIC
        said[threading.get_ident()] = value
        return -1

    monkeypatch.setattr(shim, "_prctl", prctl)
    monkeypatch.setattr(shim, "_told", threading.local())
    for owner, name in (
        (asyncio.Handle, "_run"),
        (ThreadPoolExecutor, "submit"),
        (anyio.to_thread, "run_sync"),
        (multiprocessing.process.BaseProcess, "start"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(shim, "_SDKS", ())
    shim.install()
    return said


def test_a_mark_is_of_the_id_as_json_and_of_the_trace() -> None:
    assert len({mark("1"), mark('"1"'), mark("1", "a" * 32), mark("2")}) == 4
    assert all(0 < one < 1 << 64 for one in (ONE, TWO))


def test_a_call_is_said_and_unsaid(told: dict[int, int]) -> None:
    here = threading.get_ident()
    with call(1):
        assert told[here] == ONE
        with call("two", f"00-{'A' * 32}-{'1' * 16}-01"):
            assert told[here] == mark('"two"', "a" * 32)
        assert told[here] == ONE
    assert told[here] == 0


@pytest.mark.parametrize("malformed", ["", "00", 7, None])
def test_a_trace_that_is_none_leaves_the_id(told: dict[int, int], malformed: Any) -> None:
    with call(1, malformed):
        assert told[threading.get_ident()] == ONE


async def _works(told: dict[int, int], request: int | str, seen: list[int]) -> None:
    """Steps of the request's own task, of a child of it, and of threads."""

    async def step() -> None:
        await asyncio.sleep(0)
        seen.append(told.get(threading.get_ident(), 0))

    def in_thread() -> None:
        seen.append(told.get(threading.get_ident(), 0))

    with call(request):
        await step()
        await asyncio.create_task(step())
        await asyncio.to_thread(in_thread)
        await anyio.to_thread.run_sync(in_thread)
        await step()


def test_tasks_and_threads_of_interleaved_calls_each_say_their_own(told: dict[int, int]) -> None:
    one: list[int] = []
    two: list[int] = []

    async def both() -> None:
        await asyncio.gather(_works(told, 1, one), _works(told, "two", two))

    asyncio.run(both())
    assert (one, two) == ([ONE] * 5, [TWO] * 5)


def test_a_thread_of_a_pool_works_for_nobody_after_its_job(told: dict[int, int]) -> None:
    with ThreadPoolExecutor(1) as pool:
        with call(1):
            assert pool.submit(lambda: told[threading.get_ident()]).result() == ONE
        assert pool.submit(lambda: told[threading.get_ident()]).result() == 0


def test_a_worker_process_is_started_for_nobody(told: dict[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", lambda _: started.append(told[_here()]))
    shim._release_workers()
    with call(1):
        multiprocessing.Process().start()
        assert told[_here()] == ONE
    assert started == [0]


def _here() -> int:
    return threading.get_ident()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("release", [1, 2])
def test_a_handler_of_the_sdk_is_followed_step_by_step_on_any_loop(
    told: dict[int, int], loop: Callable[[], Any], release: int
) -> None:
    seen: list[int] = []

    async def handler(*_: Any) -> str:
        for _step in range(3):
            seen.append(told[_here()])
            await asyncio.sleep(0.001)
        return "done"

    class Context:
        request_id, request_meta = 1, None

    async def two() -> list[str]:
        wrapped = shim._sdk_1(handler) if release == 1 else shim._sdk_2(handler)
        return await asyncio.gather(*(wrapped(None, Context, "tools/call", {}) for _ in range(2)))

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(two()) == ["done", "done"]
    assert seen == [ONE] * 6
    assert told[_here()] == 0


def test_an_error_of_a_handler_and_its_cancellation_pass_through(told: dict[int, int]) -> None:
    async def broken() -> None:
        await asyncio.sleep(0)
        raise KeyError("broken")

    async def run() -> None:
        with pytest.raises(KeyError, match="broken"):
            await shim._stepwise(broken())
        task = asyncio.ensure_future(_awaits(asyncio.Event().wait()))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


async def _awaits(work: Any) -> None:
    await shim._stepwise(work)


SERVER = """
import sys, triptych.producers.shim as shim
from mcp.server.mcpserver import MCPServer
import asyncio, ctypes
said = []
shim._prctl = lambda option, value, *_: said.append(value)
server = MCPServer("t", log_level="ERROR")
@server.tool()
async def which() -> str:
    await asyncio.sleep(0)
    return str(said[-1])
server.run("stdio")
"""


def test_a_real_server_is_followed_without_a_change_to_it(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(SERVER)
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
    messages = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": {"name": "which", "arguments": {}}},
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "triptych.producers.shim", str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
        server.stdin.flush()
        replies = [json.loads(server.stdout.readline()) for _ in range(2)]
        server.stdin.close()
    assert replies[1]["result"]["content"][0]["text"] == str(TWO)


def test_without_a_program_the_usage_is_told() -> None:
    ran = subprocess.run(
        [sys.executable, shim.__file__], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (ran.returncode, "usage:" in ran.stderr) == (1, True)
