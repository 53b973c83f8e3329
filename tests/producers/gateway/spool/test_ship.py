"""The shipper: whoever is killed and whenever, every event arrives, and one that arrives twice has the same id."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from patience import PATIENCE_S, eventually

from triptych.models.errors import TriptychError
from triptych.models.events import DeadLetter, ProtocolEvent
from triptych.models.wire import bundled
from triptych.producers.gateway.config import GatewayConfig
from triptych.producers.gateway.spool.record import Entry, dump, head
from triptych.producers.gateway.spool.shipper import DEAD_LETTERS, Shipper
from triptych.producers.gateway.spool.writer import HEADER, Spool

Consumed = Callable[[str, int], list[tuple[bytes, bytes]]]
CODEC = bundled()
HEAD = head(1, {"workload": "pod-1", "producer": "gateway:a", "principal": {"kind": "os_user", "id": "uid:7"}})


def event(number: int) -> Entry:
    return HEAD, dump({"head": 1, "event_id": f"event-{number}", "sequence": number})


class Broker:
    """A publisher that acknowledges when it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self._waiting: list[Callable[[str | None], None]] = []

    def send(
        self,
        topic: str,
        key: str,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
        *,
        on_delivery: Callable[[str | None], None],
    ) -> None:
        self.sent.append((topic, key, value))
        self._waiting.append(on_delivery)

    def poll(self) -> None: ...

    def close(self, wait_s: float) -> int:
        return len(self._waiting)

    def answer(self, *errors: str | None) -> None:
        for error in errors:
            self._waiting.pop(0)(error)

    def ids(self) -> list[str]:
        return [CODEC.decode(value, ProtocolEvent).event_id for topic, _, value in self.sent if topic == "t"]


def shipper(folder: Path, broker: Broker) -> Shipper:
    made = Shipper(folder, broker, "t", CODEC, lambda: 7)  # type: ignore[arg-type]
    made.scan()
    return made


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path, "a", limit=1 << 20)


def test_an_acknowledged_segment_is_deleted_once_its_writer_is_gone(tmp_path: Path, spool: Spool) -> None:
    broker = Broker()
    ship = shipper(tmp_path, broker)
    spool.append([event(1)])
    assert ship.step() == 1
    broker.answer(None)
    ship.scan()
    assert list(tmp_path.glob("*.spool"))
    spool.close()
    ship.scan()
    assert list(tmp_path.iterdir()) == []
    assert ship.idle


def test_what_is_not_acknowledged_is_never_deleted(tmp_path: Path, spool: Spool) -> None:
    spool.append([event(1)])
    spool.close()
    ship = shipper(tmp_path, Broker())
    ship.step()
    ship.scan()
    assert list(tmp_path.glob("*.spool"))


def test_a_new_shipper_goes_on_behind_the_last_acknowledged_event(tmp_path: Path, spool: Spool) -> None:
    for number in range(4):
        spool.append([event(number)])
    broker = Broker()
    first = shipper(tmp_path, broker)
    first.step()
    broker.answer(None, None)
    first.step()
    second = Broker()
    shipper(tmp_path, second).step()
    assert second.ids() == ["event-2", "event-3"]


def test_acknowledgements_out_of_order_move_nothing_past_a_gap(tmp_path: Path, spool: Spool) -> None:
    for number in range(3):
        spool.append([event(number)])
    broker = Broker()
    ship = shipper(tmp_path, broker)
    ship.step()
    broker._waiting.reverse()
    broker.answer(None, None)
    ship.step()
    again = Broker()
    shipper(tmp_path, again).step()
    assert again.ids() == ["event-0", "event-1", "event-2"]


def test_a_failed_delivery_is_sent_again_after_the_others_are_resolved(tmp_path: Path, spool: Spool) -> None:
    for number in range(3):
        spool.append([event(number)])
    broker = Broker()
    ship = shipper(tmp_path, broker)
    ship.step()
    broker.answer(None, "refused")
    assert ship.step() == 0
    broker.answer(None)
    assert ship.step() == 2
    assert broker.ids() == ["event-0", "event-1", "event-2", "event-1", "event-2"]


def test_a_record_that_is_no_event_becomes_a_dead_letter_and_holds_nothing_up(tmp_path: Path, spool: Spool) -> None:
    for record in (b"{}", event(1)[1], b"\xff", b'{"event_id":1}'):
        spool.append([(HEAD, record)])
    broker = Broker()
    ship = shipper(tmp_path, broker)
    assert ship.step() == 4
    letters = [CODEC.decode(value, DeadLetter) for topic, _, value in broker.sent if topic == DEAD_LETTERS]
    assert [(letter.code, letter.value) for letter in letters] == [
        ("G05", b"{}"),
        ("G05", b"\xff"),
        ("G05", b'{"event_id":1}'),
    ]
    assert broker.ids() == ["event-1"]
    assert ship.unreadable == 3


def test_events_whose_head_cannot_be_read_are_buried_and_no_other(tmp_path: Path, spool: Spool) -> None:
    foreign = HEAD._replace(number=2, record=HEAD.record.replace(b'"format":2', b'"format":9'))
    spool.append([event(1), (foreign, dump({"head": 2, "event_id": "event-2"})), event(3)])
    broker = Broker()
    ship = shipper(tmp_path, broker)
    ship.step()
    assert (broker.ids(), ship.unreadable) == (["event-1", "event-3"], 2)


def test_a_head_alone_holds_no_segment_back(tmp_path: Path, spool: Spool) -> None:
    spool.append([(HEAD, b"")])
    (path,) = tmp_path.glob("*.spool")
    os.truncate(path, HEADER + len(HEAD.record))  # its writer was killed there
    spool.close()
    ship = shipper(tmp_path, Broker())
    ship.step()
    ship.scan()
    assert (ship.unreadable, list(tmp_path.glob("*.spool"))) == (0, [])


def test_half_a_record_of_a_dead_writer_is_counted_and_let_go(tmp_path: Path, spool: Spool) -> None:
    spool.append([event(1)])
    (path,) = tmp_path.glob("*.spool")
    with path.open("ab") as file:
        file.write(b"\0\0\0\x09half")
    spool.close()
    broker = Broker()
    ship = shipper(tmp_path, broker)
    ship.step()
    broker.answer(None)
    ship.scan()
    assert (ship.unreadable, list(tmp_path.glob("*.spool"))) == (1, [])


def test_a_large_record_is_read_whole(tmp_path: Path, spool: Spool) -> None:
    spool._limit = 1 << 30
    spool.append([(HEAD, dump({"head": 1, "event_id": "large", "capabilities": ["x" * 3_000_000]}))])
    broker = Broker()
    ship = shipper(tmp_path, broker)
    assert [ship.step(), ship.step()] == [0, 1]  # its head first: that much is always read
    assert broker.ids() == ["large"]


def command(folder: Path, broker: str, topic: str, *more: str) -> list[str]:
    base = [sys.executable, "-m", "triptych.producers.gateway.spool.ship", "--spool", str(folder)]
    return [*base, "--bootstrap", broker, "--topic", topic, *more]


def test_killing_wrapper_and_shipper_loses_nothing(
    tmp_path: Path, broker: str, consumed: Consumed, spooled: Callable[[], list[ProtocolEvent]]
) -> None:
    folder, topic = tmp_path / "spool", "killed"
    wrapper = [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--spool", str(folder), "--", "cat"]
    gateway = subprocess.Popen(
        wrapper, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    )
    assert gateway.stdin
    assert gateway.stdout
    for number in range(400):
        os.write(gateway.stdin.fileno(), b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n' % number)
        gateway.stdout.readline()
    gateway.kill()
    gateway.wait(PATIENCE_S)
    expected = [found.event_id for found in spooled()]
    assert len(expected) >= 799  # a request and its echo each; the last echo is forwarded before it is described
    first = subprocess.Popen(command(folder, broker, topic))
    eventually(lambda: list(folder.glob("*.acked")) or not list(folder.glob("*.spool")))
    first.kill()
    first.wait(PATIENCE_S)
    subprocess.run(command(folder, broker, topic, "--idle-exit", "0.2"), timeout=PATIENCE_S, check=True)
    arrived = [CODEC.decode(value, ProtocolEvent).event_id for _, value in consumed(topic, len(expected))]
    assert set(arrived) == set(expected)
    assert list(folder.glob("*.spool")) == []


def locked(file: Path) -> bool:
    return file.exists() and f":{file.stat().st_ino} " in Path("/proc/locks").read_text()


def test_a_second_shipper_leaves_the_folder_to_the_first(tmp_path: Path, broker: str) -> None:
    first = subprocess.Popen(command(tmp_path, broker, "two"))
    eventually(lambda: locked(tmp_path / "ship.lock"))
    subprocess.run(command(tmp_path, broker, "two"), timeout=PATIENCE_S, check=True)
    first.terminate()
    assert first.wait(PATIENCE_S) == 0


def test_without_a_broker_it_says_so_and_keeps_everything(tmp_path: Path, spool: Spool) -> None:
    spool.append([event(1)])
    process = subprocess.Popen(command(tmp_path, "127.0.0.1:1", "t"), stderr=subprocess.PIPE)
    assert process.stderr
    assert b"K01 no Kafka broker answered at 127.0.0.1:1" in process.stderr.readline()
    process.terminate()
    process.wait(PATIENCE_S)
    assert list(tmp_path.glob("*.spool"))


def test_a_wrapper_starts_the_shipper_and_the_password_is_no_argument(
    tmp_path: Path, broker: str, consumed: Consumed
) -> None:
    folder = tmp_path / "spool"
    file = tmp_path / "gateway.json"
    settings = {"ship": "auto", "bootstrap": broker, "topic": "auto", "kafka": {"sasl.password": "hidden"}}
    file.write_text(json.dumps(settings))
    wrapper = [
        sys.executable,
        "-m",
        "triptych.producers.gateway.stdio.main",
        "--spool",
        str(folder),
        "--config",
        str(file),
    ]
    gateway = subprocess.Popen(
        [*wrapper, "--", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert gateway.stdin
    gateway.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    gateway.stdin.flush()
    assert len(consumed("auto", 2)) == 2
    (pid,) = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _ships(entry, folder)]
    assert b"hidden" not in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    gateway.communicate(timeout=PATIENCE_S)
    os.kill(pid, 15)
    eventually(lambda: list(folder.glob("*.spool")) == [] or not _ships(Path(f"/proc/{pid}"), folder))


def _ships(process: Path, folder: Path) -> bool:
    try:
        line = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return b"gateway.spool.ship" in line and str(folder).encode() in line


def test_shipping_needs_an_address(tmp_path: Path) -> None:
    with pytest.raises(TriptychError, match="bootstrap"):
        GatewayConfig(command=("cat",), spool_dir=tmp_path, ship="auto")


@pytest.mark.parametrize("command", ["ship", "auto"])
def test_a_folder_that_cannot_be_written_is_one_error_and_exit_2(tmp_path: Path, command: str) -> None:
    """A folder in place of the lock refuses root as well as everybody else."""
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "ship.lock").mkdir()
    settings = tmp_path / "gateway.toml"
    settings.write_text(f'spool_dir = "{spool}"\nship = "auto"\nbootstrap = "127.0.0.1:1"\n')
    module = "triptych.producers.gateway." + {"ship": "spool.ship", "auto": "stdio.main"}[command]
    options = {
        "ship": ["--spool", str(spool), "--bootstrap", "127.0.0.1:1"],
        "auto": ["--config", str(settings), "--", "echo", "started"],
    }[command]
    done = subprocess.run(
        [sys.executable, "-m", module, *options], input=b"", capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"G03 the spool folder" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"), [(["ship"], "G03"), (["stdio", "--", "echo", "x"], "G03"), (["stdio"], "G01")]
)
def test_the_command_line_says_the_same(tmp_path: Path, arguments: list[str], code: str) -> None:
    (tmp_path / "file").write_text("")
    given = [f"--set=gateway.spool_dir={tmp_path}/file/spool", "--set=kafka.bootstrap=127.0.0.1:1"]
    done = subprocess.run(
        [sys.executable, "-m", "triptych.infra.cli.main", *given, "gateway", *arguments],
        input="",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{code} " in done.stderr
    assert "    try: " in done.stderr
    assert "Traceback" not in done.stderr
