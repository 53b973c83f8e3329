"""The folder of one run: digest key, gateway settings, lease; and servers behind gateways that hold a lease of them."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ...ports import free_ports, is_free
from ...process import running, tail
from ..errors import BenchError

__all__ = ["Place"]

_READY_S = 20.0
_REPLICAS = 4
_PATIENCE_MS = 5000  # for the sensor's answers: a busy machine takes time, and not certainty


@dataclass(frozen=True, slots=True)
class Place:
    folder: Path

    @property
    def lease(self) -> Path:
        return self.folder / "run" / "lease.sock"

    @contextmanager
    def stdio(self, command: Sequence[str], mode: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Both pipes of a server behind our gateway, as a client would start it."""
        gateway = str(Path(sys.executable).with_name("triptych-gateway"))
        leased = ("--config", str(self._settings(mode)), "--lease", str(self.lease), "--server", "bench")
        with self.log.open("ab") as log:
            argv = [gateway, *leased, "--", *command]
            process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        try:
            yield cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        except BenchError as error:
            raise BenchError(f"{error.what}\n{tail(self.log)}", error.hint, code=error.code) from error
        finally:
            process.communicate(timeout=_READY_S)

    @contextmanager
    def http(self, command: Callable[[int], list[str]]) -> Iterator[int]:
        """The port of our gateway before a server that is given a port of its own."""
        upstream, port = free_ports(2)
        settings, ports = self._settings("concurrent"), ("--listen", f"127.0.0.1:{port}")
        program = [str(Path(sys.executable).with_name("triptych")), "--set", f"gateway.config={settings}"]
        leased = ["--set", f"gateway.lease_socket={self.lease}", "gateway", "http", "--server", "bench"]
        gateway = [*program, *leased, "--upstream", f"http://127.0.0.1:{upstream}/mcp", *ports]
        with running(command(upstream), log=self.log) as server:
            self._await(server, upstream)
            with running(gateway, log=self.log) as front:
                self._await(front, port)
                yield port

    @property
    def log(self) -> Path:
        return self.folder / "programs.log"

    def _settings(self, mode: str) -> Path:
        file, key, spool = self.folder / f"{mode}.toml", self.folder / "digest.key", self.folder / "spool"
        key.write_text(secrets.token_hex(32))
        file.write_text(
            f'principal = "bench"\nkey_file = "{key}"\nspool_dir = "{spool}"\n'
            f'dispatch_mode = "{mode}"\nreplicas = {_REPLICAS}\n'
            f"ready_ms = {_PATIENCE_MS}\nattach_ms = {_PATIENCE_MS}\n"
        )
        return file

    def _await(self, process: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + _READY_S
        while is_free(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"a program does not listen:\n{tail(self.log)}")
            time.sleep(0.05)
