"""A known workload of a prime number of events: as many must come out, bound to the call that made them."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from triptych.producers.sensor.decode import KernelEvent
from triptych.producers.sensor.loader import Kernel, load

from .conftest import Gateway, Running, Server
from .watching import Watching, of, watching

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


@pytest.fixture(scope="module", params=["bcc", "core"])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with load(1 << 20, request.param) as loaded:
        yield loaded


@pytest.fixture
def watched(kernel: Kernel) -> Iterator[Watching]:
    with watching(kernel) as seen:
        yield seen


def _times(act: str) -> str:
    return f"for n in range({N}): {act}"


def _bytes(events: list[KernelEvent]) -> tuple[int, int, int]:
    return sum(e.bytes_in for e in events), sum(e.bytes_out for e in events), sum(e.mapped for e in events)


def test_every_byte_read_and_written_comes_out_with_its_file(watched: Watching, tmp_path: Path) -> None:
    for number in range(N):
        (tmp_path / f"r{number}").write_bytes(bytes(1000 + number))
    act = f"d = open('{tmp_path}/r%d' % n, 'rb', 0).read(); open('{tmp_path}/w%d' % n, 'wb', 0).write(d + d)"
    seen = of(watched.during(_times(act)), "io", lambda event: (event.path or b"").startswith(bytes(tmp_path)))
    read = {event.path: event.bytes_in for event in seen if event.bytes_in}
    written = {event.path: event.bytes_out for event in seen if event.bytes_out}
    assert read == {bytes(tmp_path / f"r{number}"): 1000 + number for number in range(N)}
    assert written == {bytes(tmp_path / f"w{number}"): 2 * (1000 + number) for number in range(N)}


@pytest.mark.parametrize(
    ("act", "read", "written"),
    [
        ("os.pread(f, 7, 0)", 7, 0),
        ("os.preadv(f, [bytearray(5), bytearray(6)], 0)", 11, 0),
        ("os.pwrite(g, b'xyz', 0)", 0, 3),
        ("os.writev(g, [b'ab', b'c'])", 0, 3),
        ("os.sendfile(g, f, 0, 13)", 13, 13),
        ("os.copy_file_range(f, g, 11, 0, 0)", 11, 11),
    ],
)
def test_every_way_to_read_and_write_is_counted(
    watched: Watching, tmp_path: Path, act: str, read: int, written: int
) -> None:
    (tmp_path / "f").write_bytes(bytes(100))
    opened = f"f = os.open('{tmp_path}/f', 0); g = os.open('{tmp_path}/g', os.O_RDWR | os.O_CREAT)\n"
    seen = of(watched.during(opened + _times(act)), "io")
    assert _bytes(of(seen, "io", lambda event: event.path == bytes(tmp_path / "f"))) == (N * read, 0, 0)
    assert _bytes(of(seen, "io", lambda event: event.path == bytes(tmp_path / "g"))) == (0, N * written, 0)


def test_a_file_kept_open_is_split_by_call(watched: Watching, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(bytes(1000))
    watched.during(f"kept = os.open('{tmp_path}/kept', 0)")
    calls = [of(watched.during(f"os.read(kept, {size})"), "io") for size in (7, 11)]
    assert [[event.bytes_in for event in seen] for seen in calls] == [[7], [11]]
    assert {event.path for seen in calls for event in seen} == {bytes(tmp_path / "kept")}


def test_every_listen_and_accept_comes_out_with_its_address(watched: Watching) -> None:
    act = (
        "s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname()); d, _ = s.accept()\n"
        "    for each in (c, d, s): each.close()"
    )
    seen = watched.during("import socket\n" + f"for n in range({N}):\n    {act}")
    ports = [event.peer.local_port for event in of(seen, "listen") if event.peer]
    assert [event.peer.local_port for event in of(seen, "accept") if event.peer] == ports
    assert [event.peer.port for event in of(seen, "connect") if event.peer] == ports
    assert len(ports) == N
    assert all(event.result >= 0 for event in of(seen, "accept"))


@pytest.fixture
def resolver() -> Iterator[socket.socket]:
    """Something that listens where multicast names are asked for, so that no send is refused."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as open_port:
        open_port.bind(("127.0.0.1", 5355))
        yield open_port


@pytest.mark.parametrize(
    "ask",
    [
        "u.sendto(query(name), ('127.0.0.1', 5355))",
        "u.sendmsg([query(name)], [], 0, ('127.0.0.1', 5355))",
        "u.connect(('127.0.0.1', 5355)); u.send(query(name))",
        "u.connect(('127.0.0.1', 5355)); os.write(u.fileno(), query(name))",
        "u.connect(('127.0.0.1', 5355)); u.sendmsg([query(name)[:12], query(name)[12:]])",
        "send_many(5355, [query(name)])",
        "assert send_32(u, query(name), 5355) > 0",
        "assert send_message_32(u, query(name), 5355) > 0",
    ],
)
def test_every_name_asked_for_comes_out(watched: Watching, resolver: socket.socket, ask: str) -> None:
    act = f"    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); name = 'n%d.test' % n; {ask}; u.close()"
    seen = of(watched.during(f"for n in range({N}):\n{act}"), "dns")
    assert [event.name for event in seen] == [f"n{number}.test".encode() for number in range(N)]
    assert {(event.peer.address, event.peer.port) for event in seen if event.peer} == {("127.0.0.1", 5355)}


def test_every_message_of_one_system_call_comes_out(watched: Watching, resolver: socket.socket) -> None:
    seen = of(watched.during("send_many(5355, [query('a.test'), query('b.test'), query('c.test')])"), "dns")
    assert [event.name for event in seen] == [b"a.test", b"b.test", b"c.test"]


def test_bytes_of_an_unconnected_socket_are_told_by_where_they_went(watched: Watching, resolver: socket.socket) -> None:
    seen = watched.during(
        "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        + _times("u.sendto(bytes(100 + n), ('127.0.0.1', 5355)); u.sendto(bytes(7), ('127.0.0.2', 5355))")
    )
    sent: Counter[str] = Counter()
    for event in of(seen, "flow"):
        assert event.peer
        sent[event.peer.address] += event.bytes_out
    assert sent == {"127.0.0.1": sum(100 + number for number in range(N)), "127.0.0.2": 7 * N}


CHANGES = [  # act, operation, the names it starts and ends with
    ("os.rename('a%d' % n, 'b%d' % n)", "rename", b"a", b"b"),
    ("os.link('a%d' % n, 'b%d' % n)", "link", b"a", b"b"),
    ("os.symlink('a%d' % n, 'b%d' % n)", "symlink", b"a", b"b"),
    ("os.unlink('a%d' % n)", "unlink", None, b"a"),
    ("os.chmod('a%d' % n, 0o711)", "chmod", None, b"a"),
    ("os.truncate('a%d' % n, 1)", "truncate", None, b"a"),
    ("os.chown('a%d' % n, 0, 0)", "chown", None, b"a"),
    ("os.mkfifo('b%d' % n)", "mknod", None, b"b"),
]


@pytest.mark.parametrize("change", CHANGES, ids=[change[1] for change in CHANGES])
def test_every_change_of_a_name_comes_out(
    watched: Watching, tmp_path: Path, change: tuple[str, str, bytes | None, bytes]
) -> None:
    act, operation, start, end = change
    for number in range(N):
        (tmp_path / f"a{number}").touch()
    seen = of(watched.during(f"os.chdir('{tmp_path}')\n" + _times(act)), "change")
    assert {event.operation for event in seen} == {operation}
    assert [event.path for event in seen] == [bytes(tmp_path / f"{end.decode()}{number}") for number in range(N)]
    assert [event.other_path for event in seen] == [start and start + str(number).encode() for number in range(N)]


ATTEMPTS = [
    ("call('setns', -1, 0x20000)", "setns", 0x20000),
    ("call('unshare', 0x20001)", "unshare", 0x20001),
    ("LIBC.mount(b'none', b'/nowhere', b'tmpfs', 0, None)", "mount", 0),
    ("LIBC.umount2(b'/nowhere', 2)", "umount", 2),
    ("call('pivot_root', b'/nowhere', b'/nowhere')", "pivot_root", 0),
    ("LIBC.chroot(b'/nowhere')", "chroot", 0),
    ("call('ptrace', 16, 0, 0, 0)", "ptrace", 16),
    ("call('process_vm_writev', 0, 0, 0, 0, 0, 0)", "process_vm_writev", 0),
    ("call('bpf', 5, 0, 0)", "bpf", 5),
    ("call('finit_module', -1, b'', 0)", "finit_module", 0),
    ("call('keyctl', 0, 0x7fffffff, 0)", "keyctl", 0),
    ("call('pidfd_getfd', -1, 3, 0)", "pidfd_getfd", 3),
    ("call('io_uring_setup', 0, 0)", "io_uring_setup", 0),
]


@pytest.mark.parametrize(("act", "operation", "argument"), ATTEMPTS, ids=[attempt[1] for attempt in ATTEMPTS])
def test_every_attempt_to_escape_comes_out_even_when_it_is_refused(
    watched: Watching, act: str, operation: str, argument: int
) -> None:
    seen = of(watched.during(_times(act)), "escape")
    assert [event.operation for event in seen] == [operation] * N
    assert {event.open_flags for event in seen} == {argument}
    assert all(event.result < 0 for event in seen)


def test_every_descriptor_passed_comes_out_on_both_ends(watched: Watching, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"canary")
    seen = of(watched.during(_times(f"pass_descriptor('{tmp_path}/f')")), "descriptor")
    assert [event.received for event in seen] == [False, True] * N
    assert {(event.path, event.operation) for event in seen} == {(bytes(tmp_path / "f"), "file")}


def test_a_thread_says_what_it_works_for_until_it_says_otherwise(watched: Watching) -> None:
    act = "LIBC.prctl(0x4d435031, ctypes.c_ulong(n % 3), 0, 0, 0); os.close(os.open('/dev/null', 0))"
    seen = of(watched.during(_times(act)), "open", lambda event: event.path == b"/dev/null")
    assert Counter(event.mark for event in seen) == Counter(number % 3 for number in range(N))


def test_a_child_takes_the_mark_of_the_thread_that_forked_it(watched: Watching) -> None:
    seen = watched.during(
        "LIBC.prctl(0x4d435031, ctypes.c_ulong(5), 0, 0, 0)\n"
        "in_child('os.open(\"/dev/null\", 0)')\n"
        "LIBC.prctl(0x4d435031, 0, 0, 0, 0)"
    )
    (opened,) = of(seen, "open", lambda event: event.path == b"/dev/null" and event.pid != watched.root)
    assert (opened.mark, opened.alone) == (5, True)


def test_a_child_that_heard_something_is_no_longer_alone(watched: Watching) -> None:
    seen = watched.during(
        "r, w = os.pipe(); os.write(w, b'work')\n"
        'in_child(f\'os.open("/dev/null", 0); os.read({r}, 9); os.open("/dev/zero", 0)\')'
    )
    opened = of(seen, "open", lambda event: event.pid != watched.root)
    assert [(event.path, event.alone) for event in opened] == [(b"/dev/null", True), (b"/dev/zero", False)]


def test_the_mark_of_a_thread_that_executed_a_program_is_not_that_of_who_gets_its_number(watched: Watching) -> None:
    watched.during(
        "def run():\n"
        "    LIBC.prctl(0x4d435031, ctypes.c_ulong(5), 0, 0, 0)\n"
        "    os.write(w, b'%d' % threading.get_native_id())\n"
        "    os.execv('/bin/true', ['x'])\n"
        "deeds.run, (r, w) = run, os.pipe()\n"
        "in_child('threading.Thread(target=run).start(); time.sleep(9)')\n"
        "thread = int(os.read(r, 9))"
    )
    seen = watched.during(
        "for _ in range(50):\n"
        "    open('/proc/sys/kernel/ns_last_pid', 'w').write(str(thread - 1))\n"
        "    if not (child := os.fork()): os._exit(os.open('/dev/null', 0) * 0)\n"
        "    os.waitpid(child, 0)\n"
        "    if child == thread: break\n"
        "else: raise LookupError(thread)"
    )
    stranger = of(seen, "open", lambda event: event.path == b"/dev/null")[-1]
    assert (stranger.pid == watched.root, stranger.mark) == (False, 0)


def test_a_process_made_in_a_namespace_of_its_own_is_told_once_by_who_made_it(watched: Watching) -> None:
    seen = of(watched.during(_times("assert fork_into(CLONE_NEWUTS) == 0")), "escape")
    assert [(event.operation, event.open_flags, event.pid) for event in seen] == [
        ("clone3", 0x4000000, watched.root)
    ] * N
