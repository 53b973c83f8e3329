"""The folder of one run: digest key, settings of the gateway, spool, logs; and the command lines made of them."""

from __future__ import annotations

import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Place", "module"]

_PACKAGE = "triptych.infra.bench.gateway"
_SETTINGS = """\
principal = "bench"
key_file = "{key}"
spool_dir = "{spool}"
"""


def module(name: str, *arguments: object) -> list[str]:
    """The command line of a program of this benchmark."""
    return [sys.executable, "-m", f"{_PACKAGE}.{name}", *map(str, arguments)]


@dataclass(frozen=True, slots=True)
class Place:
    """Made by `furnish`. What the gateway spooled stays until `sweep`. `build`: the folder of another package."""

    folder: Path
    build: Path | None = None

    def furnish(self) -> None:
        """Write key and settings, every fact of the gateway on, no sensor."""
        key = self.folder / "digest.key"
        key.write_text(secrets.token_hex(32))
        self.spool.mkdir()
        self.settings.write_text(_SETTINGS.format(key=key, spool=self.spool))

    @property
    def settings(self) -> Path:
        return self.folder / "gateway.toml"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def lease(self) -> Path:
        return self.folder / "lease.sock"

    def log(self, name: str) -> Path:
        """Where a program's stderr goes."""
        return self.folder / f"{name.replace(' ', '-')}.log"

    def sweep(self) -> None:
        """Empty the spool: a disk that fills up would be measured otherwise."""
        shutil.rmtree(self.spool, ignore_errors=True)
        self.spool.mkdir()

    def stdio_gateway(self, *command: str, lease: bool = False) -> list[str]:
        """Ours in front of a command, as a client would start it."""
        leased = ("--lease", str(self.lease)) if lease else ()
        options = ("--config", str(self.settings), "--server", "echo", *leased)
        return [*self._program("triptych-gateway"), *options, "--", *command]

    def http_gateway(self, listen: int, upstream: int) -> list[str]:
        """Ours in front of a loopback port, as an operator would start it: with a lease where a sensor runs by then."""
        files = ("--set", f"gateway.config={self.settings}", "--set", f"gateway.lease_socket={self.lease}")
        ports = ("--upstream", f"http://127.0.0.1:{upstream}/mcp", "--listen", f"127.0.0.1:{listen}")
        return [*self._program("triptych"), *files, "gateway", "http", "--server", "echo", *ports]

    def _program(self, name: str) -> list[str]:
        program = str(Path(sys.executable).with_name(name))
        return [program] if self.build is None else ["env", f"PYTHONPATH={self.build}", program]
