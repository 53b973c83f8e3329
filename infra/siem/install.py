"""`python -m triptych.infra.siem.install`: fetch the consumers of others that `make siem` reads findings with."""

from __future__ import annotations

import sys
from pathlib import Path

from ...models.errors import TriptychError
from ..conformance import peers

__all__ = ["NPM", "TENZIR", "main"]

_HERE = Path(__file__).resolve().parent
NPM = _HERE / "kafkajs" / "package-lock.json"
TENZIR = _HERE / "tenzir" / "requirements.txt"


def main(arguments: list[str]) -> int:
    """0, or 1 when a registry does not give what is needed. `--tenzir` fetches that too: 175 MB, unpacked 590."""
    try:
        peers.install(locks=(peers.NPM, NPM, *((TENZIR,) if "--tenzir" in arguments else ())))
    except TriptychError as error:
        print(f"siem: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
