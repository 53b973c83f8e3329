from __future__ import annotations

import sys
from pathlib import Path

import pytest

from triptych.infra.demo.errors import DemoError
from triptych.infra.demo.parts import accepts, answers, await_ready, part
from triptych.infra.demo.sites import Sites


def test_a_part_that_ends_before_it_is_ready_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no broker')"]
    with part("worker", command, tmp_path) as started, pytest.raises(DemoError, match="no broker") as ended:
        await_ready(started, lambda: False)
    assert ended.value.code == "X02"
    assert "status 1" in ended.value.what


def test_a_part_is_gone_when_its_block_is_left(tmp_path: Path) -> None:
    with part("sensor", ["sleep", "60"], tmp_path) as started:
        started.must_live()
    assert started.process.poll() is not None


def test_nobody_answers_where_nobody_listens(tmp_path: Path, sites: Sites) -> None:
    assert not accepts(tmp_path / "lease.sock")
    assert not answers("http://127.0.0.1:9/healthz")
    assert answers(f"http://{sites.docs}/guide/install")
    assert not answers(f"http://{sites.docs}/guide/nothing")
