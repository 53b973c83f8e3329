"""How the gateways of this machine stand: spool, shipper, sensor, and which servers of which client have one."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..models.errors import TriptychError
from ..models.text import clean, size
from ..producers.gateway.adoption.places import places
from . import adoption, gateways
from .loading import Loaded
from .spool import waiting

__all__ = ["clients", "node", "reachable"]

_ANSWER_S = 1.0


def node(loaded: Loaded) -> dict[str, str]:
    """What holds for all gateways of this machine, in words. Raises ConfigError."""
    settings = gateways.file(loaded.settings)
    config = gateways.stdio(loaded, ["server"])
    found = waiting(config.spool_dir)
    sensor = config.lease_socket
    return {
        "settings": str(settings) if settings.exists() else "none; triptych gateway init writes them",
        "digest key": str(config.key_file) if config.key_file else "none; triptych gateway init makes one",
        "spool": str(config.spool_dir),
        "waiting": size(found.octets) if found.octets else "nothing",
        "oldest event": _time(found.oldest_ns),
        "shipper": "running" if found.shipping else "not running",
        "last shipped": _time(found.shipped_ns),
        "sensor": f"{'answers' if reachable(sensor) else 'does not answer'} at {sensor}" if sensor else "none named",
    }


def clients(loaded: Loaded, files: Sequence[Path] | None) -> list[dict[str, str]]:
    """One row a server of each file, or of the clients' usual files; a file that cannot be read is a row too."""
    rows: list[dict[str, str]] = []
    for file in files or places(Path.home(), Path.cwd()):
        try:
            rows += [
                {"file": str(file), "table": clean(one.table), "server": clean(one.name), "state": one.state}
                for one in adoption.seen(loaded, file)
            ]
        except TriptychError as error:
            rows.append({"file": str(file), "table": "", "server": "", "state": f"{error.code} {error.what}"})
    return rows


def reachable(path: Path | None) -> bool:
    """Whether a sensor listens on its socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dialled:
        dialled.settimeout(_ANSWER_S)
        try:
            dialled.connect(str(path))
        except OSError:
            return False
    return True


def _time(wall_ns: int | None) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC).isoformat(" ", "seconds") if wall_ns else "none"
