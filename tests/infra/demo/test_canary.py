from __future__ import annotations

from pathlib import Path

from triptych.infra.demo.canary import in_files


def test_a_canary_is_found_wherever_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "segment").write_bytes(b"\x00frame canaryABC\x00")
    (tmp_path / "spool" / "clean").write_bytes(b"nothing")
    assert list(in_files({"key": "canaryABC"}, [tmp_path / "spool"])) == ["key in spool/segment"]
