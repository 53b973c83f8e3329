"""The lease socket with a book that only takes notes: no kernel and no privilege needed."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triptych.models.errors import ConfigError
from triptych.models.events import CallRef
from triptych.producers.lease import READY, Attach, Begin, End, Granted, Refused, pack, parse
from triptych.producers.sensor import processes
from triptych.producers.sensor.lease import LeaseServer

CALL = CallRef(call_id="0190b5a0-0000-7000-8000-000000000001", correlation_id="0" * 32)


class Notes:
    """A desk that writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []
        self.watched: dict[int, int] = {}

    def root_of(self, pid: int) -> int | None:
        return self.watched.get(pid)

    def attach(self, root: int, server: str) -> Granted | Refused:
        self.said.append(("attach", root, server))
        return Granted("w", root, 1) if server != "unwanted" else Refused("not here")

    def begin(self, root: int, call: CallRef, request: str, forwards_ns: int) -> None:
        self.said.append(("begin", root, call, request, forwards_ns))

    def end(self, root: int, call_id: str) -> None:
        self.said.append(("end", root, call_id))

    def detach(self, root: int) -> None:
        self.said.append(("detach", root))


class Line:
    """One connection: what is sent is served at once."""

    def __init__(self, server: LeaseServer, path: Path) -> None:
        self._server = server
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(str(path))
        accepted = server.accept()
        assert accepted is not None
        self._descriptor = accepted
        self.socket.setblocking(False)

    def send(self, packet: bytes, pidfds: tuple[int, ...] = ()) -> None:
        socket.send_fds(self.socket, [packet], pidfds)
        self._server.serve(self._descriptor)

    def attach(self, pid: int, name: str = "s") -> Granted | Refused:
        pidfd = os.pidfd_open(pid)
        self.send(pack(Attach(name)), (pidfd,))
        os.close(pidfd)
        answer = parse(self.socket.recv(4096))
        assert isinstance(answer, Granted | Refused)
        return answer

    def close(self) -> None:
        self.socket.close()
        self._server.serve(self._descriptor)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "lease.sock"


@pytest.fixture
def server(path: Path, notes: Notes) -> Iterator[LeaseServer]:
    made = LeaseServer(path, notes)
    yield made
    made.close()


@pytest.fixture
def child() -> Iterator[int]:
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate()


def test_a_call_is_told_from_begin_to_end(server: LeaseServer, path: Path, notes: Notes, child: int) -> None:
    line = Line(server, path)
    assert line.attach(child) == Granted("w", child, 1)
    line.send(pack(Begin(CALL.call_id, CALL.correlation_id, 5, "7")))
    assert line.socket.recv(16) == READY
    line.send(pack(End(CALL.call_id)))
    with pytest.raises(BlockingIOError):
        line.socket.recv(16)
    line.close()
    assert notes.said == [
        ("attach", child, "s"),
        ("begin", child, CALL, "7", 5),
        ("end", child, CALL.call_id),
        ("detach", child),
    ]


def test_a_process_that_is_no_child_is_refused(server: LeaseServer, path: Path, notes: Notes) -> None:
    for stranger in (os.getppid(), os.getpid()):
        assert isinstance(Line(server, path).attach(stranger), Refused)
    assert notes.said == []
    assert server.refused == {"not-a-child": 2}


ME = os.getuid()


@pytest.mark.parametrize(
    ("users", "user_of_server", "kind"),
    [((ME,), 4711, Granted), ((), 4711, Refused), ((ME, 4711), 4711, Refused), ((4711,), 4711, Refused)],
)
def test_a_stranger_is_leased_to_a_trusted_user_only_and_as_another_users_process(
    users: tuple[int, ...], user_of_server: int, kind: type, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = LeaseServer(path, Notes(), users=users)
    monkeypatch.setattr(processes, "user", lambda _: user_of_server)
    assert isinstance(Line(made, path).attach(os.getppid()), kind)
    made.close()


def test_a_watched_server_cannot_hold_a_lease_not_even_after_it_was_let_go(
    server: LeaseServer, path: Path, notes: Notes, child: int
) -> None:
    notes.watched = {os.getpid(): 1}
    early = Line(server, path)
    assert isinstance(Line(server, path).attach(child), Refused)
    notes.watched = {}
    assert isinstance(early.attach(child), Refused)
    assert (server.refused, notes.said) == ({"impostor": 2}, [])


def test_a_process_of_a_watched_server_is_lent_to_nobody(
    server: LeaseServer, path: Path, notes: Notes, child: int
) -> None:
    notes.watched = {child: 1}
    assert isinstance(Line(server, path).attach(child), Refused)
    assert server.refused == {"impostor": 1}


def test_a_gateway_may_come_back_to_the_server_it_had(
    server: LeaseServer, path: Path, notes: Notes, child: int
) -> None:
    notes.watched = {child: child}
    assert isinstance(Line(server, path).attach(child), Granted)


def test_what_the_desk_refuses_is_refused(server: LeaseServer, path: Path, child: int) -> None:
    assert Line(server, path).attach(child, "unwanted") == Refused("not here")
    assert server.peers == 0


@pytest.mark.parametrize(
    "packet",
    [
        b"?",
        b"A{",
        b"A[1]",
        b'A{"server":"s","version":2}',
        b"B",
        b"E",
        pack(Granted("w", 1, 1)),
        pack(End("x")),
        b"\xff" * 4096,
    ],
    ids=lambda packet: packet[:6].decode("latin-1"),
)
def test_a_packet_out_of_place_is_counted_and_ends_its_connection(
    server: LeaseServer, path: Path, notes: Notes, packet: bytes
) -> None:
    line = Line(server, path)
    line.send(packet)
    assert isinstance(parse(line.socket.recv(4096)), Refused)
    assert line.socket.recv(4096) == b""
    assert (server.refused["malformed"], server.peers, notes.said) == (1, 0, [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(min_size=1, max_size=100))
def test_no_packet_stops_the_server(server: LeaseServer, path: Path, packet: bytes) -> None:
    line = Line(server, path)
    line.send(packet)
    line.close()
    assert server.peers == 0


def test_no_descriptor_a_peer_sent_stays_open(server: LeaseServer, path: Path, child: int) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        line = Line(server, path)
        pidfd = os.pidfd_open(child)
        line.send(b"?", (pidfd, pidfd, pidfd))
        os.close(pidfd)
        line.socket.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_socket_of_a_dead_sensor_is_replaced_and_of_a_living_one_is_not(path: Path, notes: Notes) -> None:
    path.parent.mkdir()
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    dead.bind(str(path))
    dead.close()
    living = LeaseServer(path, notes)
    with pytest.raises(ConfigError, match="another sensor serves"):
        LeaseServer(path, notes)
    living.close()
    assert not path.exists()


def test_a_path_that_is_no_socket_is_left_alone(path: Path, notes: Notes) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(ConfigError):
        LeaseServer(path, notes)
    assert path.read_text() == "precious"
