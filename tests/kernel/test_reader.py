"""The reader on a real kernel: programs with their hash, files with their bytes, counts in place of floods; and a
sensor that notices when it is blinded."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from patience import eventually

from triptych.producers.sensor.binding import State
from triptych.producers.sensor.loader import load
from triptych.producers.sensor.watch import Watch

from .conftest import Gateway, Running, Server, Start

pytestmark = pytest.mark.kernel

OPENS = 1009


def _call(running: Running, server: Server, gateway: Gateway, code: str) -> None:
    call = gateway.begin()
    server.do(code)
    gateway.end(call)
    running.told.settled()


def test_a_program_is_told_with_the_hash_of_its_bytes(running: Running, server: Server, gateway: Gateway) -> None:
    _call(running, server, gateway, "subprocess.run(['/bin/true'])")
    eventually(lambda: running.told.count("exec") > 0)
    (bound,) = running.told.events("exec")
    assert bound.event.detail is not None
    assert bound.event.detail.sha256 == hashlib.sha256(Path("/bin/true").read_bytes()).hexdigest()
    assert bound.event.detail.writable is False
    assert len(bound.calls) == 1


@pytest.mark.parametrize(("mode", "writable"), [(0o755, False), (0o777, True)])
def test_a_library_is_told_with_whether_others_may_exchange_it(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path, *, mode: int, writable: bool
) -> None:
    (tmp_path / "x.so").touch(0o644)
    tmp_path.chmod(mode)
    _call(running, server, gateway, f"open({str(tmp_path / 'x.so')!r}).close()")
    eventually(lambda: running.told.count("open", lambda event: (event.path or "").endswith("/x.so")) > 0)
    (bound,) = running.told.events("open", lambda event: (event.path or "").endswith("/x.so"))
    assert bound.event.detail is not None
    assert bound.event.detail.writable is writable


def test_the_bytes_of_a_file_are_told_with_its_path_and_its_call(
    running: Running, server: Server, gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 651)
    _call(running, server, gateway, f"os.read(os.open({str(tmp_path / 'secret')!r}, 0), 4096)")
    sums = running.told.events("io", lambda event: event.path == str(tmp_path / "secret"))
    assert [(bound.event.bytes_in, bound.event.binding) for bound in sums] == [(651, "exact")]


def test_a_hot_file_is_a_few_events_that_count_every_open(running: Running, server: Server, gateway: Gateway) -> None:
    code = (
        f"import time\nfor n in range({OPENS}):\n os.close(os.open('/dev/null', 0)); time.sleep(n % 100 == 0 and .02)"
    )
    _call(running, server, gateway, code)
    told = running.told.events("open", lambda event: event.path == "/dev/null")
    assert sum(bound.event.count for bound in told) == OPENS
    assert len(told) <= 3


def test_over_its_budget_a_workload_is_counted_and_what_is_sensitive_is_told(start: Start, server: Server) -> None:
    running = start(events_per_second=10, flush_ms=200)
    gateway = Gateway(running.socket)
    gateway.attach(server.process.pid)
    absent = "for n in range(500):\n try: os.open(f'/nowhere/{n}', 0)\n except OSError: pass\n"
    _call(running, server, gateway, absent + "try: os.open('/nowhere/.aws/credentials', 0)\nexcept OSError: pass")
    gateway.close()
    listed = running.told.count("open", lambda event: (event.path or "").startswith("/nowhere/"))
    limited = sum(batch.rate_limited for batch in running.told.batches)
    assert running.told.count("open", lambda event: event.path == "/nowhere/.aws/credentials") == 1
    assert listed + limited == 501
    assert limited >= 400


def test_a_sensor_that_was_cut_off_knows_it() -> None:
    with load(1 << 16) as kernel:
        watch = Watch(kernel)
        assert watch.gone() == ()
        name, link = next(iter(kernel.links.items()))
        elsewhere = os.open("/dev/null", os.O_RDONLY)
        os.dup2(elsewhere, link)
        os.close(elsewhere)
        assert watch.gone() == (name,)


def test_a_server_that_was_struck_from_the_kernel_s_book_is_missed(server: Server) -> None:
    with load(1 << 16) as kernel:
        watch = Watch(kernel)
        watch.add(server.process.pid, "test", State(1, 0))
        for table in (kernel.watched, kernel.roots):
            table.remove(server.process.pid.to_bytes(4, "little"))
        assert watch.gone() == ()  # it may be ending
        assert watch.gone() == ("roots", "watched")


def test_a_server_that_ended_is_not_missed() -> None:
    ended = Server()
    with load(1 << 16) as kernel:
        watch = Watch(kernel)
        watch.add(ended.process.pid, "test", State(1, 0))
        ended.close()
        assert watch.gone() == ()
