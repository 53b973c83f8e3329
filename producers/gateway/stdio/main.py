"""The stdio gateway: stands between an MCP client and the server it launched, and changes no byte.

Started by clients, so it starts fast (nothing heavy is imported), writes nothing to stdout that the server did not
write, and ends as the server ends. Its settings and secrets never reach the server's environment.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from ....models.digest import Keyring
from ....models.errors import ConfigError, TriptychError
from ....models.events import Server
from .. import host
from ..config import GatewayConfig, load
from ..facts.describe import Connection, Describer
from ..facts.redact import Redactor
from ..observer.observe import Observer
from ..sensor import SensorLease
from ..spool.writer import Spool
from .child import Child, StartError, exit_status, spawn
from .gate import Gate
from .pump import Pump
from .session import Session

__all__ = ["main", "run"]

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_USAGE_ERROR = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one gateway; returns the server's exit status (128 + n for signal n), 126/127 where it cannot be run."""
    try:
        return run(_configured(sys.argv[1:] if argv is None else argv, os.environ))
    except TriptychError as error:
        print(f"triptych-gateway: {error}", file=sys.stderr)
        return error.status if isinstance(error, StartError) else _USAGE_ERROR


def run(config: GatewayConfig) -> int:
    """Between this process's stdin and stdout and a server of its own."""
    keyring = _keyring(config)
    instance = host.new_id()
    spool = Spool(config.spool_dir, instance, config.spool_bytes)
    if config.ship == "auto":
        from ..spool.autoship import start  # noqa: PLC0415

        start(config)  # before the server: a folder that refuses it leaves nothing behind
    child = spawn(config.command, child_environment(os.environ, config.child_env_remove))
    lease = SensorLease(
        config.lease_socket, config.server_id, attach_s=config.attach_ms / 1000, ready_s=config.ready_ms / 1000
    )
    granted = lease.attach(child.pidfd)
    child.run()
    connection = Connection(
        instance=instance,
        workload=granted.workload if granted else host.workload_of(child.pid),
        boot_id=host.boot_id(),
        host=config.host or socket.gethostname(),
        cluster=config.cluster,
        principal=host.principal(config.principal),
        server=Server(
            id=config.server_id,
            pid=child.pid,
            start_ns=granted.start_ns if granted else host.start_ns(child.pid),
            executable=host.executable(child.pid),
        ),
        inodes=(os.fstat(child.stdin).st_ino, os.fstat(child.stdout).st_ino),
        dispatch_mode=config.dispatch_mode,
    )
    session = _session(config, connection, keyring, lease, spool)
    return _pump(child, session)


def child_environment(environment: Mapping[str, str], remove: Sequence[str]) -> dict[str, str]:
    """What the server inherits: nothing of ours, nor what the operator keeps from it."""
    patterns = ("TRIPTYCH_*", *remove)
    return {name: value for name, value in environment.items() if not any(fnmatchcase(name, one) for one in patterns)}


def _session(
    config: GatewayConfig, connection: Connection, keyring: Keyring, lease: SensorLease, spool: Spool
) -> Session:
    redactor = Redactor(keyring, _Place(), _PathClasses(config.sensitivity))
    return Session(
        Observer(keyring, connection.instance, host.new_id, host.new_trace, config.inspect_bytes),
        Describer(connection, keyring, redactor, host.new_id),
        lease=lease,
        spool=spool,
        now=host.now,
        gate=Gate(config.inspect_bytes) if config.dispatch_mode == "serialised" else None,
    )


def _pump(child: Child, session: Session) -> int:
    wakeup, poked = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(poked, warn_on_full_buffer=False)
    for number in _FORWARDED:
        signal.signal(number, lambda *_: None)

    def woken() -> None:
        for number in os.read(wakeup, 64):
            if number in _FORWARDED:
                os.kill(child.pid, number)

    gc.freeze()  # what is loaded by now stays: collections need not visit it between two messages
    Pump((0, 1), (child.stdout, child.stdin), child.pidfd, wakeup, woken).run(session)
    status = exit_status(os.waitpid(child.pid, 0)[1])
    session.exited(status)
    if session.failures:
        lost = ", ".join(f"{count} x {reason}" for reason, count in session.failures.items())
        print(f"triptych-gateway: G04 events were lost: {lost}", file=sys.stderr)
    return status


class _Place:
    """The server starts where the gateway stands."""

    cwd = str(Path.cwd())
    home = os.path.expanduser("~")  # noqa: PTH111


class _PathClasses:
    """Loaded when the first path is seen: the start of most servers does not wait for them."""

    def __init__(self, extra: Sequence[Path]) -> None:
        self._extra = extra
        self._path: Callable[[str], str | None] | None = None

    def __call__(self, path: str) -> str | None:
        if self._path is None:
            from ....models.sensitivity import Sensitivity  # noqa: PLC0415

            self._path = Sensitivity.load(self._extra).path
        return self._path(path)


def _keyring(config: GatewayConfig) -> Keyring:
    if config.key_file is None:
        print("triptych-gateway: no key_file, so digests of this run match no other producer's", file=sys.stderr)
        return Keyring(os.urandom(32), "ephemeral")
    try:
        return Keyring.of_file(config.key_file.read_bytes(), config.key_id)
    except OSError as error:
        raise ConfigError(
            f"the digest key {config.key_file} cannot be read: {error.strerror}", "triptych keys new"
        ) from error


def _configured(argv: Sequence[str], environment: Mapping[str, str]) -> GatewayConfig:
    options, command = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, ())
    given = vars(_parser().parse_args(options))
    file = given.pop("config") or environment.get("TRIPTYCH_GATEWAY_CONFIG")
    given["command"] = tuple(command) or None
    config = {"spool_dir": _default_spool(environment), "command": ()}
    return load(Path(file) if file else None, given, defaults=config)


def _default_spool(environment: Mapping[str, str]) -> str:
    state = environment.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111
    return f"{state}/triptych/spool"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="triptych-gateway",
        usage="%(prog)s [options] -- COMMAND [ARGUMENT ...]",
        description="Run an MCP server behind a gateway that forwards every byte and publishes facts about every call.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", metavar="FILE", help="settings, TOML or JSON (or TRIPTYCH_GATEWAY_CONFIG)")
    parser.add_argument("--server", metavar="NAME", help="the operator's name of the server")
    parser.add_argument("--principal", metavar="LABEL", help="who uses the server; default is the user")
    parser.add_argument("--spool", metavar="DIR", dest="spool_dir", help="where events wait for the shipper")
    parser.add_argument("--lease", metavar="SOCKET", dest="lease_socket", help="socket of the node's sensor")
    parser.add_argument("--key-file", metavar="FILE", help="digest key shared by all producers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
