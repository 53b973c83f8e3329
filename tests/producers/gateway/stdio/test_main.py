"""The wrapper as a process: the client cannot tell that it is there."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE_S

from triptych.models.events import ProtocolEvent

Spooled = Callable[[], list[ProtocolEvent]]
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
CALL = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"t","arguments":{}}}\n'


def wrapped(spool: Path, *command: str, options: tuple[str, ...] = ()) -> list[str]:
    return [
        sys.executable,
        "-m",
        "triptych.producers.gateway.stdio.main",
        "--spool",
        str(spool),
        *options,
        "--",
        *command,
    ]


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-u", "-c", code


def start(command: list[str], **more: object) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "bufsize": 0}
    return subprocess.Popen(command, **{**pipes, **more})  # type: ignore[call-overload,no-any-return]


def read_exactly(fd: int, count: int) -> bytes:
    found = b""
    while len(found) < count and select.select([fd], [], [], PATIENCE_S)[0] and (chunk := os.read(fd, 1 << 16)):
        found += chunk
    return found


def gone(pid: int) -> bool:
    """Waits up to ten seconds for a process to end."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = bool(select.select([fd], [], [], PATIENCE_S)[0])
    os.close(fd)
    return ended


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    """A wrapper around cat that stays for many streams."""
    process = start(wrapped(tmp_path_factory.mktemp("echo"), "cat"), stderr=subprocess.DEVNULL)
    yield process
    assert process.stdin
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 0


CHUNKS = st.lists(
    st.binary(min_size=1, max_size=300) | st.sampled_from([PING, b"\n", b"\r", b"\r\n"]), min_size=1, max_size=12
)


@given(CHUNKS)
@settings(deadline=None, max_examples=60)
def test_any_stream_split_anywhere_comes_out_identical(echo: subprocess.Popen[bytes], chunks: list[bytes]) -> None:
    assert echo.stdin
    assert echo.stdout
    for chunk in chunks:
        os.write(echo.stdin.fileno(), chunk)
    stream = b"".join(chunks)
    assert read_exactly(echo.stdout.fileno(), len(stream)) == stream


def test_a_line_of_megabytes_passes_with_both_sides_writing_at_once(tmp_path: Path) -> None:
    line = b'{"jsonrpc":"2.0","method":"x","params":{"text":"' + b"a" * 3_000_000 + b'"}}\n'
    done = subprocess.run(
        wrapped(tmp_path / "spool", "cat"), input=line * 3, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.stdout == line * 3


def test_a_server_that_never_reads_does_not_stop_its_own_output(tmp_path: Path) -> None:
    server = python("import sys,time; sys.stdout.write('x' * 2_000_000); sys.stdout.flush(); sys.stdin.read()")
    process = start(wrapped(tmp_path / "spool", *server))
    assert process.stdin
    assert process.stdout
    writer = threading.Thread(target=process.communicate, args=(b"y" * 2_000_000,))
    received = read_exactly(process.stdout.fileno(), 1_000_000)
    assert len(received) >= 1_000_000
    writer.start()
    writer.join(PATIENCE_S)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill -TERM $$", 143), ("exec no-such-program", 127)],
)
def test_the_exit_status_is_the_servers(tmp_path: Path, script: str, status: int) -> None:
    done = subprocess.run(
        wrapped(tmp_path / "spool", "sh", "-c", script), capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == status


def test_the_end_of_input_reaches_the_server_at_once(tmp_path: Path) -> None:
    server = python("import sys; sys.stdin.read(); print('end')")
    done = subprocess.run(
        wrapped(tmp_path / "spool", *server), input=b"", capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.stdout == b"end\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_server_and_its_answer_counts(tmp_path: Path, number: signal.Signals) -> None:
    code = f"import signal,sys; signal.signal({number.value}, lambda *_: sys.exit(9)); print('up'); signal.pause()"
    heard = ("env", f"--default-signal={number.value}")  # whoever runs the tests may ignore one, as nohup does
    process = start([*heard, *wrapped(tmp_path / "spool", *python(code))])
    assert process.stdout
    assert read_exactly(process.stdout.fileno(), 3) == b"up\n"
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == 9


def test_the_server_lives_in_the_wrappers_group_and_dies_with_the_wrapper(tmp_path: Path) -> None:
    code = "import os,time; print(os.getpid(), os.getpgrp(), flush=True); time.sleep(60)"
    process = start(wrapped(tmp_path / "spool", *python(code)), start_new_session=True)
    assert process.stdout
    pid, group = map(int, process.stdout.readline().split())
    assert group == process.pid
    process.kill()
    process.wait(PATIENCE_S)
    assert gone(pid)


def test_stdout_carries_only_what_the_server_wrote_and_stderr_is_its_own(tmp_path: Path) -> None:
    server = python("import sys; sys.stderr.write('from the server\\n'); print('out')")
    done = subprocess.run(
        wrapped(tmp_path / "spool", *server), input=b"", capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.stdout == b"out\n"
    assert b"from the server\n" in done.stderr


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        wrapped(tmp_path / "spool", "no-such-server"), capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stdout) == (127, b"")
    assert b"G02 cannot run 'no-such-server'" in done.stderr


@pytest.mark.parametrize(
    ("settings_text", "code"),
    [('dispatch_mode = "sometimes"', b"C01"), ("ready_ms = 0", b"C01"), ("unknown = 1", b"C01"), ("not toml", b"C01")],
)
def test_a_wrong_setting_is_named_before_anything_runs(tmp_path: Path, settings_text: str, code: bytes) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(settings_text)
    command = wrapped(tmp_path / "spool", "cat", options=("--config", str(file)))
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert code in done.stderr


def test_without_a_command_the_usage_is_told(tmp_path: Path) -> None:
    done = subprocess.run(wrapped(tmp_path / "spool"), capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert b"G01" in done.stderr


def test_our_settings_never_reach_the_servers_environment(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('child_env_remove = ["KAFKA_*"]')
    environment = {
        **os.environ,
        "TRIPTYCH_GATEWAY_CONFIG": str(file),
        "TRIPTYCH_X": "1",
        "KAFKA_PASSWORD": "2",
        "MINE": "3",
    }
    command = wrapped(tmp_path / "spool", *python("import json,os; print(json.dumps(dict(os.environ)))"))
    done = subprocess.run(command, input=b"", capture_output=True, timeout=PATIENCE_S, env=environment, check=False)
    seen = json.loads(done.stdout)
    assert seen["MINE"] == "3"
    assert not [name for name in seen if name.startswith(("TRIPTYCH_", "KAFKA_"))]


def test_a_file_as_input_and_a_socket_as_output_work_too(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(PING)
    ours, theirs = socket.socketpair()
    with (tmp_path / "in").open("rb") as source:
        process = start(wrapped(tmp_path / "spool", "cat"), stdin=source, stdout=theirs)
    theirs.close()
    ours.settimeout(PATIENCE_S)
    assert ours.recv(1000) == PING
    assert process.wait(PATIENCE_S) == 0
    ours.close()


def test_a_client_that_stops_reading_ends_the_server_as_a_broken_pipe_would(tmp_path: Path) -> None:
    process = start(wrapped(tmp_path / "spool", "yes"))
    assert process.stdout
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(PATIENCE_S) == 128 + signal.SIGPIPE


def test_a_request_is_on_disk_before_the_server_can_read_it(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    code = (
        "import sys,pathlib\n"
        "for line in sys.stdin:\n"
        f"    kept = b''.join(p.read_bytes() for p in pathlib.Path({str(spool)!r}).glob('*.spool'))\n"
        "    print(kept.count(b'tools/call'))\n"
    )
    done = subprocess.run(
        wrapped(spool, *python(code)), input=CALL % 1 + CALL % 2, capture_output=True, timeout=PATIENCE_S, check=False
    )
    first, second = map(int, done.stdout.split())
    assert 1 <= first <= second == 2


def test_a_server_that_dies_leaves_an_incident_for_each_open_call(tmp_path: Path, spooled: Spooled) -> None:
    code = "import os,sys; sys.stdin.readline(); sys.stdin.readline(); os.kill(os.getpid(), 9)"
    process = start(wrapped(tmp_path / "spool", *python(code)))
    assert process.stdin
    process.stdin.write(CALL % 1 + CALL % 2)
    assert process.wait(PATIENCE_S) == 137
    requests = [event for event in spooled() if event.kind == "request"]
    incidents = [event for event in spooled() if event.kind == "transport"]
    assert [event.call_id for event in incidents] == [event.call_id for event in requests]
    assert {event.anomalies for event in incidents} == {("exit-status-137", "server-exited")}


def test_a_clean_end_is_no_incident(tmp_path: Path, spooled: Spooled) -> None:
    subprocess.run(wrapped(tmp_path / "spool", "cat"), input=b"", capture_output=True, timeout=PATIENCE_S, check=False)
    assert spooled() == []


def test_serialised_dispatch_keeps_one_tool_call_in_flight(tmp_path: Path, spooled: Spooled) -> None:
    file = tmp_path / "gateway.json"
    file.write_text('{"dispatch_mode": "serialised", "principal": "ann"}')
    code = (
        "import sys,json\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps({'jsonrpc': '2.0', 'id': json.loads(line)['id'], 'result': {}}), flush=True)\n"
    )
    process = start(wrapped(tmp_path / "spool", *python(code), options=("--config", str(file))))
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"".join(CALL % number for number in range(5)))
    answers = [json.loads(process.stdout.readline())["id"] for _ in range(5)]
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 0
    events = spooled()
    assert answers == list(range(5))
    assert [len(event.in_flight) for event in events if event.kind == "request"] == [1] * 5
    assert {(event.dispatch_mode, event.principal.id) for event in events} == {("serialised", "ann")}


def test_events_name_process_and_pipes_of_the_server(tmp_path: Path, spooled: Spooled) -> None:
    code = "import os,sys; sys.stdin.readline(); print(os.getpid(), os.fstat(0).st_ino, os.fstat(1).st_ino)"
    process = start(wrapped(tmp_path / "spool", *python(code), options=("--server", "files")))
    assert process.stdin
    out, _ = process.communicate(CALL % 1, timeout=PATIENCE_S)
    pid, stdin, stdout = map(int, out.split())
    request, noise = spooled()[:2]
    assert (request.server.id, request.server.pid) == ("files", pid)
    assert (request.span.inode, noise.span.inode) == (stdin, stdout)
    assert request.workload
    assert request.principal.id == f"uid:{os.getuid()}"
