"""The stdio gateway: stands between an MCP client and the server it launched, and changes no byte.

Started by clients, so it starts fast (nothing heavy is imported), writes nothing to stdout that the server did not
write, and ends as the server ends. Its settings and secrets never reach the server's environment.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ....models.errors import TriptychError
from .. import host
from ..config import GatewayConfig, found, load
from ..digestkey import load_keyring
from ..spool.writer import Spool
from .arguments import parse
from .child import StartError, exit_status
from .deferred import DeferredSession
from .pump import Pump
from .server import Server, Servers

__all__ = ["main", "run"]

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_USAGE_ERROR = 2
_YOUNG = 10_000  # objects between two collections: what waits to be described is no garbage, and was looked at for it
_STDERR = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one gateway; returns the server's exit status (128 + n for signal n), 126/127 where it cannot be run."""
    _open_standard()
    try:
        return run(_configured(sys.argv[1:] if argv is None else argv, os.environ))
    except TriptychError as error:
        print(f"triptych-gateway: {error}", file=sys.stderr)
        return error.status if isinstance(error, StartError) else _USAGE_ERROR


def run(config: GatewayConfig) -> int:
    """Between this process's stdin and stdout and a server of its own."""
    keyring = load_keyring(config.key_file, config.key_id)
    instance = host.new_id()
    spool = Spool(config.spool_dir, instance, config.spool_bytes)
    if config.ship == "auto":
        from ..spool.autoship import start  # noqa: PLC0415

        start(config)  # before the server: a folder that refuses it leaves nothing behind
    servers = Servers(config, keyring, spool, instance)
    status = _run(config, servers)
    spool.close()
    if servers.failures:
        lost = ", ".join(f"{count} x {reason}" for reason, count in servers.failures.items())
        print(f"triptych-gateway: G04 events were lost: {lost}", file=sys.stderr)
    return status


def _run(config: GatewayConfig, servers: Servers) -> int:
    wakeup = _signals()
    if config.dispatch_mode == "concurrent" and not config.policy.forbids:
        return _pump(servers.start(session=DeferredSession), wakeup)
    from .enforce import lane  # noqa: PLC0415  # most gateways hold nothing back

    return lane(config, servers, wakeup).run()


def _open_standard() -> None:
    """A client may leave 0, 1 or 2 closed: the next file that is opened, the spool perhaps, would take the place, and
    Python prints to stdout what it has no stderr for.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(fd, True)
    os.close(fd)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w", closefd=False)


def _signals() -> int:
    """A descriptor that tells the numbers of the signals which the server is to get."""
    wakeup, poked = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(poked, warn_on_full_buffer=False)
    for number in _FORWARDED:
        if signal.getsignal(number) != signal.SIG_IGN:  # what our parent ignores for us the server ignores too
            signal.signal(number, lambda *_: None)
    return wakeup


def _pump(server: Server, wakeup: int) -> int:
    child = server.child

    def woken() -> None:
        for number in os.read(wakeup, 64):
            os.kill(child.pid, number)

    gc.freeze()  # what is loaded by now stays: collections need not visit it between two messages
    gc.set_threshold(_YOUNG)
    Pump((0, 1), (child.stdout, child.stdin), child.pidfd, wakeup, woken).run(server.session)
    status = exit_status(os.waitpid(child.pid, 0)[1])
    server.session.exited(status)
    return status


def _configured(argv: Sequence[str], environment: Mapping[str, str]) -> GatewayConfig:
    given, command = parse(argv)
    file = given.pop("config") or found(environment)
    given["command"] = command or None
    config = {"spool_dir": _default_spool(environment), "command": ()}
    return load(Path(file) if file else None, given, defaults=config)


def _default_spool(environment: Mapping[str, str]) -> str:
    return f"{environment.get('XDG_STATE_HOME') or '~/.local/state'}/triptych/spool"


if __name__ == "__main__":
    sys.exit(main())
