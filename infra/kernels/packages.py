"""Debian's packages without installing them: an apt of our own over several suites, archives unpacked into folders.

Needs no root and touches nothing of the system's apt. Everything lies in one cache folder and is fetched once.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .errors import KernelsError

__all__ = ["Archive"]

_MIRROR = "http://deb.debian.org"
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SUITES = (
    "debian bullseye",
    "debian-security bullseye-security",
    "debian bookworm",
    "debian-security bookworm-security",
    "debian trixie",
    "debian trixie-backports",
    "debian sid",
)
_PATIENCE_S = 600


class Archive:
    """apt over the suites that hold old and new kernels. `folder` is its cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "apt"
        self._debs = folder / "debs"
        for part in ("lists/partial", "archives/partial", "parts", "sources"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        self._debs.mkdir(exist_ok=True)
        (self._folder / "status").touch()
        (self._folder / "sources.list").write_text(
            "".join(
                f"deb [signed-by={_KEYS}] {_MIRROR}/{archive} {suite} main\n"
                for archive, suite in (each.split() for each in _SUITES)
            )
        )
        (self._folder / "apt.conf").write_text(self._configuration())

    def update(self) -> None:
        """Fetch the lists of packages unless they are here. Raises KernelsError N01."""
        if not any((self._folder / "lists").glob("*Packages*")):
            self._run("apt-get", "update")

    def names(self, part: str, architecture: str) -> list[str]:
        """Names of packages that contain the POSIX regular expression `part`."""
        told = self._run("apt-cache", "-o", f"APT::Architecture={architecture}", "search", "--names-only", part)
        return [line.split(" ", 1)[0].partition(":")[0] for line in told.splitlines()]

    def fetch(self, name: str, architecture: str, suite: str = "") -> Path:
        """The .deb of a package, from the cache or the mirror. Raises KernelsError N01."""
        wanted = f"{name}:{architecture}" + (f"/{suite}" if suite else "")
        mark = self._debs / (wanted.replace("/", "@").replace(":", "@") + ".name")
        if not mark.exists():
            with tempfile.TemporaryDirectory(dir=self._debs) as folder:
                self._run("apt-get", "-q", "download", wanted, within=Path(folder))
                (new,) = Path(folder).iterdir()
                new.rename(self._debs / new.name)
            mark.write_text(new.name)
        return self._debs / mark.read_text()

    def unpack(self, debs: Iterable[Path], target: Path) -> None:
        """All files of the packages below `target`."""
        target.mkdir(parents=True, exist_ok=True)
        for deb in debs:
            self._run("dpkg-deb", "--extract", str(deb), str(target))

    def _configuration(self) -> str:
        own = self._folder
        return (
            f'Dir::Etc::Parts "{own}/parts"; Dir::Etc::SourceList "{own}/sources.list";\n'
            f'Dir::Etc::SourceParts "{own}/sources"; Dir::State::Lists "{own}/lists";\n'
            f'Dir::State::Status "{own}/status";\n'
            f'Dir::Cache "{own}"; Dir::Cache::Archives "{own}/archives";\n'
            'APT::Architectures { "amd64"; "arm64"; }; APT::Default-Release "bookworm"; APT::Sandbox::User "";\n'
            'Acquire::Languages "none"; Acquire::Retries "3"; Acquire::Check-Valid-Until "false";\n'
            'Debug::NoLocking "true";\n'
        )

    def _run(self, *command: str, within: Path | None = None) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self._folder / "apt.conf")}
        try:
            done = subprocess.run(
                command, env=environment, cwd=within, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KernelsError(f"{command[0]}: {error}", "the matrix needs Debian's apt and dpkg") from error
        if done.returncode:
            raise KernelsError(f"{' '.join(command)}: {done.stderr.strip()[-500:]}", "is the mirror reachable?")
        return done.stdout
