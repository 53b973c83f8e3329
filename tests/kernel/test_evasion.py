"""Ways to act without being seen: each is seen, or a miss that bpf/README.md admits."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import eventually

from triptych.producers.sensor.decode import KernelEvent
from triptych.producers.sensor.front_end import BPF_SOURCES
from triptych.producers.sensor.loader import Kernel, load

from .watching import Watching, of, watching

pytestmark = pytest.mark.kernel

PROGRAM = "/bin/true"
SIZE = 5003
ATTEMPTS = 50

Case = Callable[[Watching, Path], None]
CASES: dict[str, tuple[str, Case]] = {}  # what the README says: evasion -> seen or miss, and the proof


def _is(verdict: str, evasion: str) -> Callable[[Case], Case]:
    def remember(case: Case) -> Case:
        CASES[evasion] = verdict, case
        return case

    return remember


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with load(1 << 20) as loaded:
        yield loaded


@pytest.fixture
def watched(kernel: Kernel) -> Iterator[Watching]:
    with watching(kernel) as seen:
        yield seen


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A canary in a file nobody opened yet."""
    path = tmp_path / "secret"
    path.write_bytes(b"canary ".ljust(SIZE, b"."))
    return path


def _only(events: list[KernelEvent]) -> KernelEvent:
    assert len(events) == 1, events
    return events[0]


def _opens(events: list[KernelEvent], path: Path) -> list[KernelEvent]:
    return of(events, "open", lambda event: event.path == bytes(path))


@_is("seen", "open through io_uring")
def _(watched: Watching, secret: Path) -> None:
    opened = _only(_opens(watched.during(f"open_by_ring('{secret}')"), secret))
    assert (opened.via, opened.path_source) == ("io_uring", "argument")


@_is("seen", "connect through io_uring")
def _(watched: Watching, _secret: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connected = _only(of(watched.during(f"connect_by_ring({port})"), "connect"))
    assert connected.peer is not None
    assert (connected.peer.address, connected.peer.port) == ("127.0.0.1", port)


@_is("miss", "bytes read through io_uring")
def _(watched: Watching, secret: Path) -> None:
    seen = watched.during(f"assert read_by_ring(os.open('{secret}', 0), 100) == 100")
    assert _opens(seen, secret)
    assert _only(of(seen, "escape")).operation == "io_uring_setup"
    assert not of(seen, "io")


@_is("seen", "frames past all protocols (AF_PACKET)")
def _(watched: Watching, _secret: Path) -> None:
    made = "frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)"
    seen = watched.during(f"{made}; frames.bind(('lo', 0)); frames.send(bytes(60)); frames.close()")
    opened = _only(of(seen, "escape"))
    assert (opened.operation, opened.open_flags) == ("socket", socket.AF_PACKET)
    assert not of(seen, "flow")


@_is("seen", "talking to the hypervisor (AF_VSOCK)")
def _(watched: Watching, _secret: Path) -> None:
    made = "try: socket.socket(socket.AF_VSOCK)"
    opened = _only(of(watched.during(f"{made}\nexcept OSError: pass"), "escape"))
    assert (opened.operation, opened.open_flags) == ("socket", socket.AF_VSOCK)


@_is("seen", "int 0x80 (32-bit open)")
def _(watched: Watching, secret: Path) -> None:
    opened = _only(_opens(watched.during(f"assert open_32('{secret}') >= 0"), secret))
    assert (opened.via, opened.path_source) == ("compat", "kernel")


@_is("seen", "int 0x80 (32-bit rename)")
def _(watched: Watching, secret: Path) -> None:
    moved = _only(of(watched.during(f"assert rename_32('{secret}', '{secret}2') == 0"), "change"))
    assert (moved.via, moved.operation, moved.other_path) == ("compat", "rename", bytes(secret))


@_is("seen", "open_by_handle_at")
def _(watched: Watching, secret: Path) -> None:
    opened = _only(_opens(watched.during(f"assert open_by_handle('{secret}') >= 0"), secret))
    assert (opened.via, opened.path_source, opened.inode) == ("handle", "kernel", secret.stat().st_ino)


@_is("seen", "symlink")
def _(watched: Watching, secret: Path) -> None:
    innocent = secret.with_name("innocent")
    innocent.symlink_to(secret)
    seen = watched.during(f"open('{innocent}')")
    assert _opens(seen, secret)
    assert not _opens(seen, innocent)


@_is("seen", "O_PATH, then /proc/self/fd")
def _(watched: Watching, secret: Path) -> None:
    seen = watched.during(f"p = os.open('{secret}', os.O_PATH); open(f'/proc/self/fd/{{p}}')")
    assert [bool(event.open_flags & os.O_PATH) for event in _opens(seen, secret)] == [True, False]


@_is("seen", "hard link")
def _(watched: Watching, secret: Path) -> None:
    other = secret.with_name("other")
    seen = watched.during(f"os.link('{secret}', '{other}'); open('{other}')")
    assert _only(of(seen, "change")).other_path == bytes(secret)
    assert _only(_opens(seen, other)).inode == secret.stat().st_ino


@_is("seen", "bind mount")
def _(watched: Watching, secret: Path) -> None:
    place = secret.with_name("place")
    place.touch()
    bind = f"LIBC.mount(b'{secret}', b'{place}', None, 0x1000, None)"
    private = "call('unshare', 0x20000); LIBC.mount(b'none', b'/', None, 0x44000, None)"
    seen = watched.during(f'in_child("""{private}; {bind}; os.open({str(place)!r}, 0)""")')
    assert [event.operation for event in of(seen, "escape")] == ["unshare", "mount", "mount"]
    opened = _only(_opens(seen, place))
    assert (opened.inode, opened.device) == (secret.stat().st_ino, secret.stat().st_dev)


@_is("seen", "executing from memory (memfd)")
def _(watched: Watching, _secret: Path) -> None:
    executed = _only(of(watched.during(f"run_from_memory('{PROGRAM}', 'kworker')"), "exec"))
    assert (executed.layer, executed.links, executed.path) == ("memory", 0, b"/memfd:kworker")


@_is("seen", "executing a deleted file")
def _(watched: Watching, secret: Path) -> None:
    executed = _only(of(watched.during(f"run_deleted('{PROGRAM}', '{secret}.gone')"), "exec"))
    assert (executed.layer, executed.path) == ("deleted", bytes(secret) + b".gone")


@_is("seen", "executing what is not in the image")
def _(watched: Watching, secret: Path) -> None:
    seen = of(watched.during(f"in_child(\"run_over('{secret.parent}', '{PROGRAM}')\")"), "exec")
    assert {Path(os.fsdecode(event.path or b"")).name: event.layer for event in seen} == {
        "shipped": "image",
        "dropped": "written",
    }


@_is("seen", "sendfile")
def _(watched: Watching, secret: Path) -> None:
    seen = watched.during(
        f"import socket; a, b = socket.socketpair(); os.sendfile(a.fileno(), os.open('{secret}', 0), 0, 4096)"
    )
    assert _only(of(seen, "io")).bytes_in == 4096


@_is("seen", "splice")
def _(watched: Watching, secret: Path) -> None:
    seen = watched.during(
        f"r, w = os.pipe(); LIBC.splice(os.open('{secret}', 0), None, w, None, ctypes.c_size_t(4096), 0)"
    )
    assert _only(of(seen, "io")).bytes_in == 4096


@_is("seen", "mapping a file into memory")
def _(watched: Watching, secret: Path) -> None:
    seen = watched.during(f"m = mmap.mmap(os.open('{secret}', 0), 0, prot=mmap.PROT_READ); m[:]")
    summed = _only(of(seen, "io"))
    assert (summed.mapped, summed.bytes_in) == (SIZE, 0)


@_is("seen", "passing a descriptor")
def _(watched: Watching, secret: Path) -> None:
    seen = watched.during(f"assert pass_descriptor('{secret}') == {SIZE}")
    assert [(event.path, event.received) for event in of(seen, "descriptor")] == [
        (bytes(secret), False),
        (bytes(secret), True),
    ]


@_is("seen", "reading what was opened by a parent")
def _(watched: Watching, secret: Path) -> None:
    seen = watched.during(f"f = os.open('{secret}', 0); in_child(f'os.read({{f}}, 100)')")
    summed = _only(of(seen, "io"))
    assert (summed.path, summed.bytes_in) == (bytes(secret), 100)
    assert summed.pid != watched.root


@_is("seen", "acting when the first thread has ended")
def _(watched: Watching, secret: Path) -> None:
    seen = watched.during(f"act_after_leader('{secret}')")
    opened = _only(_opens(seen, secret))
    assert opened.tid != opened.pid
    assert _only(of(seen, "exit")).pid == opened.pid


@_is("seen", "early reply, then a daemon acts")
def _(watched: Watching, secret: Path) -> None:
    go = secret.with_name("go")
    os.mkfifo(go)
    watched.during(f"act_after_reply('{secret}', '{go}')")
    under = watched.epoch - 1
    go.write_bytes(b"x")
    seen: list[KernelEvent] = []

    def opens() -> list[KernelEvent]:
        seen.extend(watched.take())
        return _opens(seen, secret)

    eventually(opens)
    opened = _only(opens())
    assert (opened.born, opened.epoch, opened.alone) == (under, under + 1, True)


@_is("seen", "a process id used again")
def _(watched: Watching, secret: Path) -> None:
    for _attempt in range(ATTEMPTS):  # others of this machine take process ids too
        used = _only(of(watched.during("in_child('1')"), "fork")).result
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(used - 1))
        stranger = subprocess.Popen(["cat", str(secret)], stdout=subprocess.DEVNULL)
        stranger.wait()
        if stranger.pid == used:
            break
    else:
        pytest.fail("no process id came again")
    assert not watched.take()


@_is("seen", "attaching to another process")
def _(watched: Watching, _secret: Path) -> None:
    victim = subprocess.Popen(["sleep", "30"])
    try:
        seen = watched.during(f"attach({victim.pid})")
    finally:
        victim.kill()
        victim.wait()
    attached = _only(of(seen, "escape"))
    assert (attached.operation, attached.target_pid, attached.result) == ("ptrace", victim.pid, 0)


@_is("seen", "taking a descriptor by pidfd")
def _(watched: Watching, secret: Path) -> None:
    with secret.open() as file:
        take = f"call('pidfd_getfd', call('pidfd_open', {os.getpid()}, 0), {file.fileno()}, 0)"
        taken = _only(of(watched.during(f"assert {take} >= 0"), "escape"))
    assert (taken.operation, taken.target_pid, taken.path) == ("pidfd_getfd", os.getpid(), bytes(secret))


@_is("miss", "asking a process that is not watched")
def _(watched: Watching, secret: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        seen = watched.during(
            f"import socket; s = socket.create_connection({service.getsockname()!r}); s.send(b'read it')"
        )
        asked, _ = service.accept()
        with asked:
            assert asked.recv(100) == b"read it"
            secret.read_bytes()
    assert of(seen, "connect")
    assert not _opens(seen + watched.take(), secret)


@pytest.mark.parametrize("evasion", CASES)
def test_an_evasion_is_seen_or_a_documented_miss(evasion: str, watched: Watching, secret: Path) -> None:
    _, check = CASES[evasion]
    check(watched, secret)


def test_the_table_of_evasions_is_the_one_that_is_tested() -> None:
    readme = (BPF_SOURCES / "README.md").read_text()
    table = readme.partition("## Evasions")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| ([^|]+?) \| (seen|miss) \|", table, re.MULTILINE))
    assert rows == {evasion: verdict for evasion, (verdict, _) in CASES.items()}
