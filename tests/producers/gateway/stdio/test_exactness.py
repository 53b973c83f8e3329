"""Whichever way the bytes take through the wrapper, a client cannot tell that it is there."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE_S

from triptych.models.events import ProtocolEvent

Spooled = Callable[[], list[ProtocolEvent]]
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "policy": {"allow": ["*"], "on_failure": "open", "inspect_bytes": 100_000},
    "serialised": {"dispatch_mode": "serialised", "inspect_bytes": 100_000},
    "replica": {"dispatch_mode": "replica", "inspect_bytes": 100_000},
}
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
CALL = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"t"}}\n'


class Wrapped:
    """The wrapper in front of a command, as a client holds it."""

    def __init__(self, folder: Path, way: str, command: list[str], **more: Any) -> None:
        file = folder / f"{way}.json"
        file.write_text(json.dumps({"spool_dir": str(folder / "spool"), **WAYS[way]}))
        gateway = [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--config", str(file), "--"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "bufsize": 0}
        self.process = subprocess.Popen([*gateway, *command], **{**pipes, **more})

    def write(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)

    def read(self, count: int) -> bytes:
        assert self.process.stdout
        fd, found = self.process.stdout.fileno(), b""
        while len(found) < count and select.select([fd], [], [], PATIENCE_S)[0] and (chunk := os.read(fd, 1 << 16)):
            found += chunk
        return found


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def wrap(tmp_path: Path, way: str) -> Iterator[Callable[..., Wrapped]]:
    made: list[Wrapped] = []

    def start(*command: str, **more: Any) -> Wrapped:
        made.append(Wrapped(tmp_path, way, list(command), **more))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.wait()
        for pipe in (one.process.stdin, one.process.stdout):
            if pipe:
                pipe.close()


@pytest.fixture(scope="module", params=["policy", "serialised", "replica"])
def echo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wrapped]:
    """A wrapper around cat that stays for many streams."""
    wrapped = Wrapped(tmp_path_factory.mktemp("echo"), request.param, ["cat"])
    yield wrapped
    wrapped.process.communicate()
    assert wrapped.process.returncode == 0


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-u", "-c", code


def ended(pid: int) -> bool:
    """Whether a process ends."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], PATIENCE_S)[0])
    finally:
        os.close(fd)


CHUNKS = st.lists(
    st.binary(min_size=1, max_size=300) | st.sampled_from([PING, b"\n", b"\r", b"\r\n", b"x" * 120_000]),
    min_size=1,
    max_size=12,
)


@given(CHUNKS)
@settings(deadline=None, max_examples=25)
def test_any_stream_split_anywhere_comes_out_identical(echo: Wrapped, chunks: list[bytes]) -> None:
    stream = b"".join(chunks) + b"\n"  # half a line waits for its end where lines are judged
    for chunk in chunks:
        echo.write(chunk)
    echo.write(b"\n")
    assert echo.read(len(stream)) == stream


def test_single_bytes_arrive_and_the_end_of_input_is_forwarded(wrap: Callable[..., Wrapped]) -> None:
    wrapped = wrap("cat")
    for number in range(len(PING)):
        wrapped.write(PING[number : number + 1])
    assert wrapped.process.communicate(timeout=PATIENCE_S)[0] == PING
    assert wrapped.process.returncode == 0


def test_what_stands_without_a_line_end_arrives_at_the_end(wrap: Callable[..., Wrapped]) -> None:
    assert wrap("cat").process.communicate(b"half", timeout=PATIENCE_S)[0] == b"half"


def test_megabytes_pass_while_both_sides_write(wrap: Callable[..., Wrapped]) -> None:
    line = b'{"jsonrpc":"2.0","method":"x","params":{"text":"' + b"a" * 3_000_000 + b'"}}\n'
    assert wrap("cat").process.communicate(line * 3, timeout=PATIENCE_S)[0] == line * 3


@pytest.mark.parametrize("way", ["plain", "policy", "serialised"], indirect=True)
def test_half_a_line_of_the_server_is_not_kept(wrap: Callable[..., Wrapped]) -> None:
    wrapped = wrap(*python("import sys; sys.stdout.write('half'); sys.stdout.flush(); sys.stdin.read()"))
    assert wrapped.read(4) == b"half"


def test_a_stopped_wrapper_loses_nothing(wrap: Callable[..., Wrapped]) -> None:
    wrapped = wrap("cat")
    wrapped.write(PING)
    assert wrapped.read(len(PING)) == PING
    wrapped.process.send_signal(signal.SIGSTOP)
    wrapped.write(PING * 2)
    wrapped.process.send_signal(signal.SIGCONT)
    assert wrapped.read(2 * len(PING)) == PING * 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_to_the_wrapper_alone_reaches_the_server(wrap: Callable[..., Wrapped], number: signal.Signals) -> None:
    code = (
        "import os,signal,sys\n"
        f"signal.signal({int(number)}, lambda *_: os._exit(5))\n"
        "print('ready')\n"
        "sys.stdin.read(); signal.pause()\n"
    )
    wrapped = wrap(*python(code))
    assert wrapped.read(6) == b"ready\n"
    wrapped.process.send_signal(number)
    assert wrapped.process.wait(PATIENCE_S) == 5


def test_a_client_that_ends_the_whole_group_gets_the_whole_group(wrap: Callable[..., Wrapped]) -> None:
    """As the Python SDK does: a session of its own, and SIGTERM to the group of a server that ignores the end."""
    wrapped = wrap(*python("import time; print('ready'); time.sleep(60)"), start_new_session=True)
    assert wrapped.read(6) == b"ready\n"
    assert wrapped.process.stdin
    wrapped.process.stdin.close()
    os.killpg(wrapped.process.pid, signal.SIGTERM)
    assert wrapped.process.wait(PATIENCE_S) == 128 + signal.SIGTERM


def test_a_killed_wrapper_leaves_no_server(wrap: Callable[..., Wrapped]) -> None:
    wrapped = wrap(*python("import os,sys,time; print(os.getpid()); time.sleep(60)"))
    assert wrapped.process.stdout
    server = int(wrapped.process.stdout.readline())
    wrapped.process.kill()
    assert ended(server)


def test_a_killed_wrapper_ends_what_a_shell_started_by_the_end_of_its_input(wrap: Callable[..., Wrapped]) -> None:
    wrapped = wrap("sh", "-c", f"{sys.executable} -u -c 'import os,sys; print(os.getpid()); sys.stdin.read()'; exit 0")
    assert wrapped.process.stdout
    grandchild = int(wrapped.process.stdout.readline())
    wrapped.process.kill()
    assert ended(grandchild)


def test_everything_is_on_disk_when_the_wrapper_has_ended(wrap: Callable[..., Wrapped], spooled: Spooled) -> None:
    wrapped = wrap("cat", start_new_session=True)
    wrapped.process.communicate(b"".join(CALL % number for number in range(50)), timeout=PATIENCE_S)
    requests = [event for event in spooled() if event.kind == "request" and event.direction == "client_to_server"]
    assert [event.jsonrpc_id for event in requests] == [str(number) for number in range(50)]
