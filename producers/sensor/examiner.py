"""Looks at files in a thread of its own, so that no file system, however slow, holds up the sensor. Bounded."""

from __future__ import annotations

import contextlib
import os
import queue
import threading

from .integrity import Inspector
from .proof import UNPROVEN, Proof, Subject

__all__ = ["Examiner"]

_MOST_WAITING = 512
_MOST_BYTES = 256 << 20
_POLITE = 10  # niceness: a hash must not take the processor from the reader


class Examiner:
    """Questions in, proofs out, in the order asked. Use it from one thread."""

    def __init__(self, inspector: Inspector | None = None) -> None:
        self.refused = 0  # questions beyond _MOST_WAITING
        self._inspector = inspector or Inspector(_MOST_BYTES)
        self._asked: queue.Queue[Subject | None] = queue.Queue(_MOST_WAITING)
        self._proven: queue.SimpleQueue[tuple[int, Proof]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="examiner", daemon=True)
        self._thread.start()

    def ask(self, subject: Subject) -> None:
        """Look at `subject` soon. When too much waits, its proof is that nothing is known."""
        try:
            self._asked.put_nowait(subject)
        except queue.Full:
            self.refused += 1
            self._proven.put((subject.number, UNPROVEN))

    def proofs(self) -> list[tuple[int, Proof]]:
        """The number of each question answered since the last call, with its answer."""
        return [self._proven.get() for _ in range(self._proven.qsize())]

    def close(self) -> None:
        """Stop; a look that hangs in a file system is left behind, the thread dies with the process."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._asked.get_nowait()
        self._asked.put(None)
        self._thread.join(1.0)

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _POLITE)
        while (subject := self._asked.get()) is not None:
            self._proven.put((subject.number, self._inspector.look(subject)))
