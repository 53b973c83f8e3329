"""`python -m triptych.infra.siem.install`: fetch the consumers of others that `make siem` reads findings with."""

from __future__ import annotations

import sys
from pathlib import Path

from ...models.errors import TriptychError
from ..conformance import peers

__all__ = ["KUSTO", "NPM", "TENZIR", "VRL", "main"]

_HERE = Path(__file__).resolve().parent
NPM = _HERE / "kafkajs" / "package-lock.json"
KUSTO = _HERE / "sentinel" / "package-lock.json"
TENZIR = _HERE / "tenzir" / "requirements.txt"
VRL = _HERE / "vrl" / "Cargo.lock"
_HEAVY = {"--tenzir": TENZIR, "--vrl": VRL}


def main(arguments: list[str]) -> int:
    """0, or 1 when a registry does not give what is needed. `--tenzir` fetches that too, 590 MB unpacked; `--vrl`
    builds Vector's language from its crate, which takes some minutes and needs Rust."""
    heavy = (lock for option, lock in _HEAVY.items() if option in arguments)
    try:
        peers.install(locks=(peers.NPM, NPM, KUSTO, *heavy))
    except TriptychError as error:
        print(f"siem: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
