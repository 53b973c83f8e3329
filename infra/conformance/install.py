"""`python -m triptych.infra.conformance.install`: fetch the software of others that peers and conformance need."""

from __future__ import annotations

import sys

from ...models.errors import TriptychError
from .peers import install

__all__ = ["main"]


def main() -> int:
    """0, or 1 when a registry does not give what is needed."""
    try:
        install()
    except TriptychError as error:
        print(f"peers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
