"""Stands in a stdio pipe and keeps every byte: `tee.py FOLDER COMMAND...` writes FOLDER/<pid>.in and FOLDER/<pid>.out.

Some clients start a server twice, once to ask what it speaks.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path


def pump(source: int, target: int, copy: Path) -> None:
    with copy.open("ab", buffering=0) as file:
        while chunk := os.read(source, 1 << 16):
            file.write(chunk)
            while chunk:
                chunk = chunk[os.write(target, chunk) :]
    os.close(target)


def main(folder: Path, command: list[str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert child.stdin
    assert child.stdout
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    inward = threading.Thread(target=pump, args=(0, child.stdin.fileno(), folder / f"{os.getpid()}.in"), daemon=True)
    inward.start()
    pump(child.stdout.fileno(), 1, folder / f"{os.getpid()}.out")
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    status = main(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.flush()
    os._exit(status)  # the other pump may still wait for a client that went without a word
