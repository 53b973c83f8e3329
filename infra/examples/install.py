"""`python -m triptych.infra.examples.install`: fetch the clients of others that recipes are written for."""

from __future__ import annotations

import sys

from ...models.errors import TriptychError
from ..bench.streams.contenders import quixstreams
from ..conformance import peers
from ..siem.install import NPM

__all__ = ["main"]


def main() -> int:
    """0, or 1 when a registry does not give what is needed."""
    try:
        peers.install(locks=(NPM,))
        quixstreams.install(print)
    except TriptychError as error:
        print(f"examples: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
