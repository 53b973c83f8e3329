"""The HTTP gateway before one server, on a free port: `python -m triptych.infra.conformance.front UPSTREAM SPOOL`."""

from __future__ import annotations

import sys
from pathlib import Path

from ...producers.gateway.http.config import HttpConfig
from ...producers.gateway.http.main import run

__all__ = ["main"]


def main(upstream: str, spool: Path) -> int:
    """Until SIGTERM. The digest key is made anew: nobody compares digests here."""
    key = spool / "key"
    key.write_bytes(b"of one run, for nobody else's eyes")
    return run(HttpConfig(upstream=upstream, listen="127.0.0.1:0", spool_dir=spool, key_file=key))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
