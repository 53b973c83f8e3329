"""The guest's file system: what the kernel would unpack."""

from __future__ import annotations

import gzip
import stat
from pathlib import Path

from triptych.infra.kernels.image import pack


def _unpacked(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Mode and data by name, read as Documentation/driver-api/early-userspace/buffer-format.rst says."""
    data, at, found = gzip.decompress(archive), 0, {}
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + length - 1].decode()
        start = at + 110 + length + (-(110 + length) % 4)
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, data[start : start + size])
        at = start + size + (-size % 4)


def test_files_links_and_folders_of_all_trees_come_out(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "usr").mkdir(parents=True)
    (one / "usr" / "tool").write_bytes(b"odd")
    (one / "usr" / "tool").chmod(0o755)
    (one / "link").symlink_to("usr/tool")
    two.mkdir()
    (two / "empty").touch()
    found = _unpacked(pack(one, two, init="#!/usr/tool\n"))
    assert found["usr/tool"] == (stat.S_IFREG | 0o755, b"odd")
    assert found["link"] == (stat.S_IFLNK | 0o777, b"usr/tool")
    assert stat.S_ISDIR(found["usr"][0])
    assert found["empty"][1] == b""
    assert found["init"] == (stat.S_IFREG | 0o755, b"#!/usr/tool\n")
    assert stat.S_ISCHR(found["dev/console"][0])


def test_the_same_files_make_the_same_image(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    first = pack(tmp_path, init="i")
    (tmp_path / "a").touch()
    assert pack(tmp_path, init="i") == first
