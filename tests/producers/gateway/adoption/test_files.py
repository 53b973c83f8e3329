"""Files of other programs are replaced at once, as they were kept, and never behind their back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from triptych.producers.gateway.adoption import files
from triptych.producers.gateway.adoption.errors import FileRefused
from triptych.producers.gateway.adoption.files import Held, hold, keep, replace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mcp.json"
    path.write_bytes(b"before")
    path.chmod(0o640)
    return path


def _refused(path: Path) -> str:
    with pytest.raises(FileRefused) as caught:
        hold(path)
    return caught.value.code


def test_a_file_is_replaced_with_its_mode_and_owner(file: Path) -> None:
    known = file.stat()
    replace(hold(file), b"after")
    now = file.stat()
    assert file.read_bytes() == b"after"
    assert (now.st_mode, now.st_uid, now.st_gid) == (known.st_mode, known.st_uid, known.st_gid)
    assert now.st_ino != known.st_ino, "a reader sees the old file or the new one, never half of it"
    assert [path.name for path in file.parent.iterdir()] == ["mcp.json"]


def test_a_file_that_changed_meanwhile_is_left_alone(file: Path) -> None:
    held = hold(file)
    file.write_bytes(b"the client wrote this")
    with pytest.raises(FileRefused) as caught:
        replace(held, b"after")
    assert (caught.value.code, file.read_bytes()) == ("G28", b"the client wrote this")


def test_a_link_stays_and_what_it_leads_to_is_replaced(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(file)
    held = hold(link)
    replace(held, b"after")
    assert (held.given, held.path) == (link, file)
    assert (link.is_symlink(), file.read_bytes()) == (True, b"after")


def test_a_link_that_was_turned_elsewhere_meanwhile_is_not_followed(file: Path, tmp_path: Path) -> None:
    other, link = tmp_path / "other.json", tmp_path / "link.json"
    other.write_bytes(b"before")
    link.symlink_to(file)
    held = hold(link)
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(FileRefused):
        replace(held, b"after")
    assert (file.read_bytes(), other.read_bytes()) == (b"before", b"before")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make files of another user")
def test_a_link_into_files_of_another_user_is_refused(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(file)
    os.lchown(link, 12345, 12345)
    assert _refused(link) == "G27"


def test_a_file_with_a_second_name_is_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "second").hardlink_to(file)
    assert _refused(file) == "G27"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    kinds = {name: _refused(tmp_path / name) for name in (".", "pipe", "loop", "absent")}
    assert kinds == {".": "G29", "pipe": "G27", "loop": "G29", "absent": "G29"}


def test_a_file_that_is_no_text_is_told(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(FileRefused, match=r"G29 .* is no UTF-8"):
        _ = hold(file).text


def test_a_backup_is_for_its_owner_only_and_kept_once(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "backups"
    copies = {keep(hold(file), folder) for _ in range(2)}
    replace(hold(file), b"after")
    copies.add(keep(hold(file), folder))
    assert sorted(copy.read_bytes() for copy in copies) == [b"after", b"before"]
    assert {copy.stat().st_mode & 0o777 for copy in copies} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_exchanged_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, other = tmp_path / "project", tmp_path / "other"
    for path in (folder, other):
        path.mkdir()
        (path / "mcp.json").write_bytes(b"before")
    held = hold(folder / "mcp.json")

    def exchanged(given: Path) -> Held:
        found = hold(given)
        folder.rename(tmp_path / "moved")
        other.rename(folder)
        return found

    monkeypatch.setattr(files, "hold", exchanged)
    with pytest.raises(FileRefused) as caught:
        replace(held, b"after")
    assert caught.value.code == "G28"
    assert {path.read_bytes() for path in tmp_path.glob("*/*")} == {b"before"}


def test_backups_go_into_no_folder_that_leads_elsewhere(file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "backups").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileRefused, match="G29"):
        keep(hold(file), tmp_path / "backups")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a folder of another user")
def test_backups_go_into_no_folder_of_another_user(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(FileRefused, match="belongs to another user"):
        keep(hold(file), folder)
