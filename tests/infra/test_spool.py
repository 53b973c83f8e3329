"""What waits in a spool folder, told without taking part in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from patience import PATIENCE_S

from triptych.infra import brokers
from triptych.infra.settings import Kafka
from triptych.infra.spool import waiting
from triptych.producers.gateway.spool.segments import lock
from triptych.producers.gateway.spool.writer import HEADER


def _segment(folder: Path, name: str, *records: bytes, acknowledged: int = 0) -> int:
    data = b"".join(len(record).to_bytes(HEADER, "big") + record for record in records)
    (folder / f"{name}.spool").write_bytes(data)
    if acknowledged:
        (folder / f"{name}.acked").write_text(str(acknowledged))
    return len(data)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    found = waiting(tmp_path / "absent")
    assert (found.octets, found.oldest_ns, found.shipping, found.shipped_ns) == (0, None, False, None)
    assert not (tmp_path / "absent").exists()


def test_what_no_broker_acknowledged_waits_and_the_oldest_of_it_is_told(tmp_path: Path) -> None:
    first = b'{"wall_ns":100}'
    _segment(tmp_path, "a", first, b'{"wall_ns":200}', acknowledged=HEADER + len(first))
    whole = _segment(tmp_path, "b", b'{"wall_ns":300}')
    _segment(tmp_path, "c", b'{"wall_ns":50}', acknowledged=HEADER + len(b'{"wall_ns":50}'))
    found = waiting(tmp_path)
    assert (found.octets, found.oldest_ns) == (whole * 2, 200)


def test_a_shipper_is_seen_by_its_lock_and_not_disturbed(tmp_path: Path) -> None:
    held = lock(tmp_path)
    assert waiting(tmp_path).shipping
    assert lock(tmp_path) is None, "the shipper still has it"
    assert held is not None
    os.close(held)
    assert not waiting(tmp_path).shipping


def test_after_shipping_nothing_waits_and_the_time_is_told(tmp_path: Path) -> None:
    module = "triptych.producers.gateway"
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n'
    gateway = [sys.executable, "-m", f"{module}.stdio.main", "--spool", str(tmp_path), "--", "cat"]
    subprocess.run(gateway, input=call, check=True, capture_output=True, timeout=PATIENCE_S)
    before = waiting(tmp_path)
    with brokers.start(Kafka(provider="embedded")) as broker:
        ship = [sys.executable, "-m", f"{module}.spool.ship", "--spool", str(tmp_path), "--bootstrap", broker.bootstrap]
        subprocess.run([*ship, "--idle-exit", "0.5"], check=True, timeout=PATIENCE_S)
    after = waiting(tmp_path)
    assert before.octets > 0
    assert before.oldest_ns is not None
    assert (after.octets, after.oldest_ns, after.shipping) == (0, None, False)
    assert after.shipped_ns is not None
    assert after.shipped_ns > before.oldest_ns
